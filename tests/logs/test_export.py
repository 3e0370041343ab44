# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import logging
import threading
from typing import Any

import pytest
from opentelemetry import trace

from telemetry.logs import EXPORT_THREAD_PREFIX, LogExportHandler
from telemetry.logs.export import severity
from telemetry.logs.otel_api import SeverityNumber, suppressed


def logger_to(source: Any, name: str = "shop.cart") -> logging.Logger:
    logger = logging.Logger(name)  # noqa: LOG001 - outside the tree: no other handler, nothing left behind
    logger.addHandler(LogExportHandler(source))
    return logger


def test_a_record_becomes_an_otel_log_record(exported):
    logger_to(exported.source).warning("%d added", 2, extra={"order": {"id": 7, "tags": {1}}})

    (item,) = exported.items()
    assert item.instrumentation_scope.name == "shop.cart"
    record = item.log_record
    assert (record.body, record.severity_text, record.severity_number) == (
        "2 added",
        "WARN",
        SeverityNumber.WARN,
    )
    attributes = dict(record.attributes)
    assert attributes.pop("code.line.number") > 0
    assert attributes == {
        "order": {"id": 7, "tags": "{1}"},
        "code.file.path": __file__,
        "code.function.name": "test_a_record_becomes_an_otel_log_record",
    }
    assert 0 < record.timestamp <= record.observed_timestamp


def test_the_trace_context_is_the_current_one(exported, tracer):
    with tracer.start_as_current_span("work") as span:
        logger_to(exported.source).error("inside")

    record, context = exported.only(), span.get_span_context()
    assert (record.trace_id, record.span_id) == (context.trace_id, context.span_id)


def test_an_exception_is_three_attributes(exported):
    try:
        raise ValueError("broken")
    except ValueError:
        logger_to(exported.source).exception("failed")

    attributes = exported.only().attributes
    assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "broken")
    assert attributes["exception.stacktrace"].endswith("ValueError: broken")


def test_an_exception_that_cannot_be_printed_is_exported_all_the_same(exported):
    class HostileError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("str")

    logger_to(exported.source).error("failed", exc_info=HostileError("args"))

    attributes = exported.only().attributes
    assert attributes["exception.type"].endswith("HostileError")
    assert attributes["exception.message"] == "HostileError('args')"


def test_the_stack_is_exported_when_asked_for(exported):
    logger_to(exported.source).info("here", stack_info=True)

    assert exported.only().attributes["code.stacktrace"].startswith("Stack (most recent call last):")


def test_a_message_that_is_no_text_stays_structured(exported):
    logger_to(exported.source).info({"event": "added", "ids": [1, {2}]})

    assert exported.only().body == {"event": "added", "ids": [1, "{2}"]}


@pytest.mark.parametrize(
    ("level", "number"),
    [
        (-5, SeverityNumber.TRACE),
        (5, SeverityNumber.TRACE4),
        (10, SeverityNumber.DEBUG),
        (20, SeverityNumber.INFO),
        (25, SeverityNumber.INFO4),
        (30, SeverityNumber.WARN),
        (40, SeverityNumber.ERROR),
        (50, SeverityNumber.FATAL),
        (1000, SeverityNumber.FATAL4),
    ],
)
def test_levels_map_to_severities(level, number):
    assert severity(level) is number


def test_while_nothing_exports_logs_records_are_dropped_and_later_ones_arrive(exported):
    active: list[Any] = [None]
    logger = logger_to(lambda name: active[0] and active[0](name))

    logger.error("before")
    active[0] = exported.source
    logger.error("after")

    assert [record.body for record in exported.records()] == ["after"]


def test_records_of_a_suppressed_context_are_dropped(exported):
    with suppressed():
        logger_to(exported.source).error("an exporter's own")

    assert exported.records() == []


@pytest.mark.parametrize(
    "name", ["opentelemetry.sdk", "grpc._channel", "urllib3.connectionpool", "telemetry"]
)
@pytest.mark.parametrize(
    "thread", [f"{EXPORT_THREAD_PREFIX}logs", "OtelBatchLogRecord", "Thread-1 (channel_spin)"]
)
def test_what_transports_log_in_export_threads_is_dropped(exported, name, thread):
    logger = logger_to(exported.source, name)

    worker = threading.Thread(target=logger.error, args=("export",), name=thread)
    worker.start()
    worker.join()
    logger.error("application")

    assert [record.body for record in exported.records()] == ["application"]


def test_an_applications_record_in_an_export_thread_arrives(exported):
    worker = threading.Thread(
        target=logger_to(exported.source).error, args=("callback",), name=f"{EXPORT_THREAD_PREFIX}metrics"
    )
    worker.start()
    worker.join()

    assert exported.only().body == "callback"


@pytest.mark.parametrize("name", ["opentelemetry.attributes", "telemetry"])
def test_what_telemetry_logs_while_a_record_is_emitted_is_not_exported(exported, name):
    def source(wanted: str) -> Any:
        logger.name = name
        logger.error("logged by the pipeline itself")
        return exported.source(wanted)

    logger = logger_to(source)
    logger.error("application")

    assert [record.body for record in exported.records()] == ["application"]


def test_what_an_argument_logs_when_it_is_formatted_comes_after_it(exported):
    class Telling:
        def __str__(self) -> str:
            logger.error("from an argument")
            return "argument"

    logger = logger_to(exported.source)
    logger.error("application: %s", Telling())

    assert [record.body for record in exported.records()] == ["application: argument", "from an argument"]


def test_an_argument_that_logs_itself_does_so_a_few_times_only(exported):
    class Endless:
        def __str__(self) -> str:
            logger.error("again: %s", self)
            return "endless"

    logger = logger_to(exported.source)
    logger.error("once: %s", Endless())

    assert len(exported.records()) == 8


def test_recording_from_a_destructor_while_a_lock_is_held_does_not_deadlock(exported):
    lock = threading.Lock()

    class Noisy:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            logger.error("from a destructor")

    def source(name: str) -> Any:
        with lock:
            if not exported.records():
                Noisy()
                gc.collect()
            return exported.source(name)

    logger = logger_to(source)
    logger.error("application")

    assert [record.body for record in exported.records()] == ["application", "from a destructor"]


def test_a_pipeline_that_raises_costs_the_record_and_says_so(capsys):
    def source(name: str) -> Any:
        raise RuntimeError("no pipeline")

    logger_to(source).error("lost")

    assert capsys.readouterr().err == (
        "a log record of 'shop.cart' could not be exported: RuntimeError('no pipeline')\n"
    )


@pytest.mark.parametrize("setting", ["raiseExceptions", "lastResort"])
def test_a_pipeline_that_raises_is_silent_where_logging_is_told_to_be(monkeypatch, capsys, setting):
    monkeypatch.setattr(logging, setting, None)

    def source(name: str) -> Any:
        raise RuntimeError("no pipeline")

    logger_to(source).error("lost")

    assert capsys.readouterr().err == ""


def test_level_and_filters_of_the_handler_are_respected(exported):
    logger = logger_to(exported.source)
    logger.handlers[0].setLevel(logging.ERROR)
    logger.handlers[0].addFilter(lambda record: "secret" not in record.getMessage())

    for message in ("secret", "shown"):
        logger.error(message)
    logger.warning("too low")

    assert exported.only().body == "shown"


def test_a_filter_may_give_another_record(exported):
    handler = LogExportHandler(exported.source)
    other = logging.makeLogRecord({"msg": "other", "levelno": 20, "levelname": "INFO"})
    handler.filter = lambda record: other  # type: ignore[assignment] # what Python 3.12's may return

    assert handler.handle(logging.makeLogRecord({"msg": "one"}))
    assert exported.only().body == "other"


def test_a_hand_made_record_of_impossible_values_does_not_raise(exported, capsys):
    handler = LogExportHandler(exported.source)

    handler.handle(logging.makeLogRecord({"msg": "nameless", "levelno": 20}))
    handler.handle(logging.makeLogRecord({"msg": "timeless", "created": float("inf")}))

    assert [record.body for record in exported.records()] == ["nameless"]
    assert "'None' could not be exported: OverflowError" in capsys.readouterr().err


def test_the_thread_is_found_where_logging_does_not_note_it(exported, monkeypatch):
    monkeypatch.setattr(logging, "logThreads", False)
    logger = logger_to(exported.source, "urllib3")

    worker = threading.Thread(target=logger.error, args=("export",), name=f"{EXPORT_THREAD_PREFIX}logs")
    worker.start()
    worker.join()
    logger.error("application")

    assert exported.only().body == "application"


def test_the_context_is_left_as_it_was(exported):
    logger_to(exported.source).error("m")
    logger_to(exported.source).error("n")

    assert len(exported.records()) == 2
    assert not trace.get_current_span().is_recording()
