# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from telemetry.errors import ConfigError
from telemetry.logs import (
    LogExportHandler,
    attach_export,
    configure_logging,
    detach_export,
    get_logger,
    logging_set_aside,
    reset_logging,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_get_logger_is_the_standard_librarys():
    assert get_logger("shop") is logging.getLogger("shop")
    assert get_logger() is logging.getLogger()


def test_without_handlers_one_is_installed_that_writes_text_to_stderr(bare_root, capsys):
    configure_logging()
    get_logger("shop").info("hello")
    get_logger("shop").debug("too low")

    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("INFO     shop: hello")


def test_json_goes_to_the_stream_of_ones_choice(bare_root):
    stream = io.StringIO()
    configure_logging("debug", "json", stream=stream, service_name=lambda: "shop")
    get_logger("shop").debug("hello")

    line = json.loads(stream.getvalue())
    assert (line["level"], line["message"], line["service_name"]) == ("DEBUG", "hello", "shop")


def test_calling_it_again_reconfigures_our_handler_only(bare_root):
    first, second = io.StringIO(), io.StringIO()
    configure_logging(stream=first)
    configure_logging(logging.ERROR, "json", stream=second)
    get_logger("shop").error("hello")

    assert first.getvalue() == ""
    assert json.loads(second.getvalue())["message"] == "hello"
    assert len(bare_root.handlers) == 1
    assert len(bare_root.handlers[0].filters) == 1
    assert bare_root.level == logging.ERROR


def test_existing_handlers_stay_and_their_formats_may_use_the_ids(bare_root, tracer):
    stream = io.StringIO()
    own = logging.StreamHandler(stream)
    own.setFormatter(logging.Formatter("%(message)s|%(service_name)s|%(trace_id)s|%(span_id)s"))
    bare_root.addHandler(own)

    configure_logging(format="json", service_name=lambda: "shop")
    configure_logging(format="json", service_name=lambda: "shop")
    get_logger("shop").info("outside")
    with tracer.start_as_current_span("work") as span:
        get_logger("shop").info("inside")

    assert bare_root.handlers == [own]
    context = span.get_span_context()
    assert stream.getvalue().splitlines() == [
        "outside|shop||",
        f"inside|shop|{context.trace_id:032x}|{context.span_id:016x}",
    ]


def test_an_export_handler_alone_is_no_handler_of_the_application(bare_root, exported):
    stream = io.StringIO()
    attach_export(exported.source)
    configure_logging(stream=stream, emit_logger=exported.source)
    get_logger("shop").info("hello")

    assert stream.getvalue().endswith("shop: hello\n")
    assert exported.only().body == "hello"


def test_export_is_attached_once(bare_root, exported):
    for _ in range(2):
        configure_logging(stream=io.StringIO(), emit_logger=exported.source)
    get_logger("shop").info("hello", extra={"order": 7})

    record = exported.only()
    assert record.attributes["order"] == 7
    assert "trace_id" not in record.attributes


def test_export_ends_when_logging_is_configured_without_it(bare_root, exported):
    configure_logging(stream=io.StringIO(), emit_logger=exported.source)
    configure_logging(stream=io.StringIO())
    get_logger("shop").info("hello")

    assert exported.records() == []


def test_export_can_be_attached_with_its_own_level_and_detached(bare_root, exported):
    attach_export(exported.source, logging.ERROR)
    get_logger("shop").warning("too low")
    get_logger("shop").error("hello")
    detach_export()
    get_logger("shop").error("after")

    assert exported.only().body == "hello"
    assert not [handler for handler in bare_root.handlers if isinstance(handler, LogExportHandler)]


def test_reset_undoes_everything(bare_root, exported):
    own_filter = logging.Filter()
    own = logging.StreamHandler(io.StringIO())
    own.addFilter(own_filter)
    bare_root.addHandler(own)

    configure_logging("DEBUG", emit_logger=exported.source)
    configure_logging("ERROR", emit_logger=exported.source)
    reset_logging()

    assert bare_root.handlers == [own]
    assert own.filters == [own_filter]
    assert bare_root.level == logging.WARNING


def test_reset_removes_our_own_handler(bare_root):
    configure_logging(stream=io.StringIO())
    reset_logging()
    reset_logging()

    assert bare_root.handlers == []
    assert bare_root.level == logging.WARNING


def test_set_aside_takes_everything_off_and_puts_it_back(bare_root, exported):
    stream = io.StringIO()
    configure_logging("ERROR", stream=stream, emit_logger=exported.source)
    before = [(handler, list(handler.filters)) for handler in bare_root.handlers]

    with logging_set_aside():
        assert bare_root.handlers == []
        configure_logging("DEBUG", "json", stream=io.StringIO())
        get_logger("shop").error("inside")

    assert [(handler, list(handler.filters)) for handler in bare_root.handlers] == before
    assert bare_root.level == logging.ERROR
    get_logger("shop").error("after")
    assert stream.getvalue().endswith("ERROR    shop: after\n")
    assert exported.only().body == "after"


@pytest.mark.parametrize(
    ("stream", "no_color", "is_coloured"),
    [(Terminal(), "", True), (Terminal(), "1", False), (io.StringIO(), "", False), (object(), "", False)],
)
def test_colour_is_for_terminals_without_no_color(bare_root, monkeypatch, stream, no_color, is_coloured):
    monkeypatch.setenv("NO_COLOR", no_color)
    configure_logging(stream=stream)

    line = bare_root.handlers[0].format(logging.makeLogRecord({"msg": "m", "levelno": 40}))
    assert ("\x1b[31m" in line) is is_coloured


def test_bad_level_and_format_are_reported_together(bare_root):
    with pytest.raises(ConfigError) as caught:
        configure_logging("LOUD", "xml")

    level, format_ = caught.value.problems
    assert level.startswith("level: 'LOUD' is not a log level; allowed: CRITICAL, FATAL, ERROR, WARN")
    assert level.endswith("or a number from 0 on.")
    assert format_ == "format: 'xml' is not a log format; allowed: json, text."
    assert isinstance(caught.value, ValueError)
    assert bare_root.handlers == []


@pytest.mark.parametrize("level", [-1, True, 1.5, None])
def test_a_level_that_is_no_level_is_refused(bare_root, level):
    with pytest.raises(ConfigError, match="is not a log level"):
        configure_logging(level)


def test_stderr_is_looked_up_when_logging_is_configured(bare_root, monkeypatch):
    replaced = io.StringIO()
    monkeypatch.setattr(sys, "stderr", replaced)
    configure_logging()
    get_logger("shop").info("hello")

    assert "hello" in replaced.getvalue()
