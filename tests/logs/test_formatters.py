# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import sys

import pytest

from telemetry.logs import JsonFormatter, TextFormatter
from telemetry.logs.trace_context import current_ids

NOON = 1_767_268_800.123456  # 2026-01-01T12:00:00.123456Z


def record(**fields: object) -> logging.LogRecord:
    values = {"name": "shop.cart", "levelno": 20, "levelname": "INFO", "msg": "added", "created": NOON}
    return logging.makeLogRecord({**values, **fields})


def as_json(**fields: object) -> dict[str, object]:
    line = JsonFormatter().format(record(**fields))
    assert "\n" not in line
    assert line.isascii()
    parsed: dict[str, object] = json.loads(line)
    return parsed


def failure(error: BaseException) -> object:
    try:
        raise error
    except BaseException:
        return sys.exc_info()


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("str")


def test_json_has_time_level_logger_and_message():
    assert as_json() == {
        "timestamp": "2026-01-01T12:00:00.123456Z",
        "level": "INFO",
        "logger": "shop.cart",
        "message": "added",
    }


def test_json_inside_a_span_has_its_ids(tracer):
    with tracer.start_as_current_span("work"):
        line, ids = as_json(), current_ids()

    assert (line["trace_id"], line["span_id"]) == ids


def test_json_uses_the_ids_that_a_filter_left_on_the_record(tracer):
    with tracer.start_as_current_span("work"):
        line = as_json(trace_id="t", span_id="s", service_name="shop")

    assert (line["trace_id"], line["span_id"], line["service_name"]) == ("t", "s", "shop")


def test_json_keeps_extra_fields_and_renames_those_whose_name_is_taken():
    line = as_json(order={"id": 7, "tags": {1}}, level="mine")

    assert (line["order"], line["level"], line["extra.level"]) == ({"id": 7, "tags": "{1}"}, "INFO", "mine")


def test_json_has_the_exceptions_type_and_text():
    line = as_json(exc_info=failure(ValueError("broken")))

    assert line["error.type"] == "ValueError"
    assert str(line["exception"]).startswith("Traceback (most recent call last):\n")
    assert str(line["exception"]).endswith("ValueError: broken")


def test_json_names_an_exceptions_module():
    assert as_json(exc_info=failure(json.JSONDecodeError("m", "d", 0)))["error.type"] == (
        "json.decoder.JSONDecodeError"
    )


def test_json_survives_an_exception_that_cannot_be_printed():
    line = as_json(exc_info=failure(HostileError()))

    assert "Hostile" in str(line["exception"])


def test_json_survives_an_exception_whose_notes_raise():
    class NotesError(Exception):
        @property
        def __notes__(self) -> list[str]:
            raise RuntimeError("notes")

    line = as_json(exc_info=failure(NotesError("broken")))

    assert "NotesError: broken" in str(line["exception"])


def test_json_uses_exception_text_that_was_rendered_before():
    assert as_json(exc_text="rendered in another thread")["exception"] == "rendered in another thread"


def test_json_has_the_stack_when_asked_for():
    assert as_json(stack_info="Stack (most recent call last):")["stack"] == "Stack (most recent call last):"


@pytest.mark.parametrize(
    "fields",
    [
        {"msg": "%s %s", "args": (1,)},
        {"created": float("inf")},
        {"created": 1e300},
        {"exc_info": (None, None, None)},
        {"extra": float("nan")},
        {"name": 7},
        {"levelname": None},
        {"msg": "\ud800"},
    ],
)
def test_json_takes_whatever_a_record_holds(fields):
    assert as_json(**fields)["timestamp"]


def test_text_is_one_line_for_people():
    assert TextFormatter().format(record(order=7)) == (
        "2026-01-01T12:00:00.123Z INFO     shop.cart: added order=7"
    )


def test_text_ends_with_the_ids_inside_a_span_only(tracer):
    with tracer.start_as_current_span("work"):
        line = TextFormatter().format(record())
        trace_id, span_id = current_ids()

    assert line.endswith(f"added trace={trace_id} span={span_id}")


def test_text_shows_the_traceback_and_the_stack_below():
    lines = (
        TextFormatter()
        .format(record(exc_info=failure(KeyError("k")), stack_info="Stack:\n  here"))
        .splitlines()
    )

    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-3:] == ["KeyError: 'k'", "Stack:", "  here"]


def test_text_shows_control_characters_by_their_code():
    line = TextFormatter().format(record(msg="red \x1b[31m\x07\tand\nmore"))

    assert line.endswith("red \\x1b[31m\\x07\tand\nmore")


@pytest.mark.parametrize(("level", "code"), [(10, 2), (20, 32), (30, 33), (40, 31), (50, 31), (-1, 2)])
def test_text_colours_the_level_only(level, code):
    line = TextFormatter(is_coloured=True).format(record(levelno=level, levelname="LEVEL"))

    assert line == f"2026-01-01T12:00:00.123Z \x1b[{code}mLEVEL   \x1b[0m shop.cart: added"
