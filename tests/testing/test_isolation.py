# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging

import pytest
from opentelemetry import metrics, trace

import telemetry
from telemetry.logs import LogExportHandler, configure_logging
from telemetry.pipeline.handle import HANDLE
from telemetry.testing import isolated


def test_nothing_is_active_after_the_block_when_nothing_was_before():
    with isolated() as probe:
        assert HANDLE.telemetry is probe.telemetry

    assert HANDLE.telemetry is None
    assert not trace.get_tracer("library").start_span("after").is_recording()


def test_what_was_active_before_goes_on_afterwards():
    mine = telemetry.counter("tests.isolation.calls").bind({"who": "test"})
    library = metrics.get_meter("library").create_counter("tests.isolation.library")
    with isolated() as outer:
        telemetry.record_error(ValueError("outer"), component="outer")
        with isolated() as inner:
            telemetry.record_error(ValueError("inner"), component="inner")
            mine.inc()
            library.add(1)
            trace.get_tracer("library").start_span("inner").end()
            late = telemetry.counter("tests.isolation.late").bind({})
            inner.assert_error(component="inner")
            assert inner.value("tests.isolation.calls") == 1
            assert inner.value("tests.isolation.library") == 1
        telemetry.record_error(ValueError("outer"), component="outer")
        mine.inc()
        late.inc()
        trace.get_tracer("library").start_span("outer").end()

        outer.assert_error(component="outer", count=2)
        outer.assert_error(component="inner", count=0)
        assert outer.value("tests.isolation.calls") == 1
        assert outer.value("tests.isolation.late") == 1
        assert [span.name for span in outer.spans] == ["outer"]
        assert [span.name for span in inner.spans] == ["inner"]


def test_a_pipeline_that_the_code_under_test_leaves_running_is_ended():
    with isolated():
        with pytest.warns(RuntimeWarning, match="already set up"):
            left = telemetry.init("left", exporter="memory")
        assert HANDLE.telemetry is left

    assert HANDLE.telemetry is None


def test_what_was_active_is_restored_when_the_block_raises():
    with isolated() as outer:
        with pytest.raises(KeyError), isolated():
            raise KeyError("k")
        telemetry.record_error(ValueError("x"), component="c")

        outer.assert_error(component="c")


def test_what_was_active_is_restored_when_the_set_up_fails():
    with isolated() as outer:
        with pytest.raises(ValueError, match="exporter: 'none' keeps nothing in memory"):
            isolated(exporter="none").__enter__()

        assert HANDLE.telemetry is outer.telemetry


def test_the_environment_is_not_read(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "none")
    monkeypatch.setenv("KAIROS_TELEMETRY_ENVIRONMENT", "production")

    with isolated() as probe:
        assert probe.telemetry.config.all_exporters == ("memory",)
        assert probe.telemetry.config.environment != "production"


def test_ids_count_from_one():
    with isolated() as probe:
        with trace.get_tracer("library").start_as_current_span("first"):
            probe.telemetry.tracer.start_span("second").end()

        first = probe.span("first").get_span_context()
        second = probe.span("second").get_span_context()
        assert first is not None
        assert second is not None
        assert (first.trace_id, first.span_id, second.span_id) == (1, 1, 2)


def test_the_probe_can_be_read_after_the_block():
    with isolated() as probe:
        telemetry.record_error(ValueError("x"), component="tool")
        logging.getLogger("shop").error("m")
        probe.telemetry.tracer.start_span("s").end()
    telemetry.record_error(ValueError("y"), component="tool")

    probe.assert_error(component="tool", count=1)
    assert (len(probe.logs), len(probe.spans)) == (1, 1)


def test_log_records_are_exported_for_the_block():
    with isolated() as probe:
        logging.getLogger("shop").error("inside")

        assert [item.log_record.body for item in probe.logs] == ["inside"]
    assert not [item for item in logging.getLogger().handlers if isinstance(item, LogExportHandler)]


def test_what_configure_logging_did_inside_is_undone_and_what_it_did_before_comes_back():
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    with isolated() as outer:
        before = list(root.handlers)
        marks = [list(handler.filters) for handler in before]
        with isolated() as inner:
            configure_logging("DEBUG", emit_logger=HANDLE.telemetry and inner.telemetry.log_target)
            logging.getLogger("shop").debug("inner")
            assert [item.log_record.body for item in inner.logs] == ["inner"]
        assert root.level == level
        assert set(root.handlers) == set(before)
        assert [list(handler.filters) for handler in before] == marks
        logging.getLogger("shop").error("outer")
        assert [item.log_record.body for item in outer.logs] == ["outer"]

    assert (root.level, list(root.handlers)) == (level, handlers)
