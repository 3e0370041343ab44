# SPDX-License-Identifier: Apache-2.0
"""Formatters: a log record as one JSON object, or as a line for people."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

from telemetry import conventions
from telemetry.logs.exceptions import exception_of, record_exception_text, type_name
from telemetry.logs.trace_context import current_ids
from telemetry.logs.values import PlainValue, describe, extra_fields, message, text

__all__ = ["JsonFormatter", "TextFormatter"]

_COLOURS = (
    (logging.ERROR, "\x1b[31m"),
    (logging.WARNING, "\x1b[33m"),
    (logging.INFO, "\x1b[32m"),
)
_DIM = "\x1b[2m"
_RESET = "\x1b[0m"
# A model's or a user's text must not steer the terminal it is shown on.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class JsonFormatter(logging.Formatter):
    """Formats a record as one line with one JSON object; never raises.

    Always there: `timestamp` (RFC 3339, UTC, microseconds), `level`, `logger`, `message`. Inside a
    span: `trace_id`, `span_id`. Where known: `service_name`. With an exception: `error.type` and
    `exception` (the traceback's text). With `stack_info`: `stack`. Then the caller's `extra` fields;
    one whose name is taken is renamed `extra.<name>`. Values JSON cannot carry appear as their repr.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON, ASCII only, so that every stream can carry it."""
        fields: dict[str, PlainValue] = {
            "timestamp": _timestamp(record.created),
            "level": _name(record.levelname),
            "logger": _name(record.name),
            "message": message(record),
        }
        trace_id, span_id = _ids(record)
        if trace_id:
            fields["trace_id"] = trace_id
            fields["span_id"] = span_id
        service_name = getattr(record, "service_name", "")
        if service_name:
            fields["service_name"] = _name(service_name)
        error = exception_of(record.exc_info)
        if error is not None:
            fields[conventions.ERROR_TYPE] = type_name(error)
        if trace := record_exception_text(record):
            fields["exception"] = trace
        if record.stack_info:
            fields["stack"] = text(str(record.stack_info))
        for name, value in extra_fields(record).items():
            fields[f"extra.{name}" if name in fields else name] = value
        return json.dumps(fields, allow_nan=False)


class TextFormatter(logging.Formatter):
    """Formats a record for people: time, level, logger, message, extra fields, and the ids inside a span.

    Control characters other than tab and newline are shown by their hex code. Never raises.

    Args:
        is_coloured: Whether the level is coloured with ANSI codes.
    """

    def __init__(self, *, is_coloured: bool = False) -> None:
        super().__init__()
        self._is_coloured = is_coloured

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, followed by its traceback and stack if it has them."""
        level = f"{_name(record.levelname):<8}"
        if self._is_coloured:
            level = f"{_colour(record.levelno)}{level}{_RESET}"
        words = [f"{_name(record.name)}:", message(record)]
        words += [f"{name}={value}" for name, value in extra_fields(record).items()]
        trace_id, span_id = _ids(record)
        if trace_id:
            words.append(f"trace={trace_id} span={span_id}")
        below = [record_exception_text(record), text(str(record.stack_info or ""))]
        body = "\n".join([" ".join(words), *(item for item in below if item)])
        return f"{_timestamp(record.created, 'milliseconds')} {level} {_visible(body)}"


def _name(name: object) -> str:
    """Return a logger's or service's name as text, whatever was used as one."""
    return text(name) if isinstance(name, str) else describe(name)


def _ids(record: logging.LogRecord) -> tuple[str, str]:
    trace_id = getattr(record, "trace_id", None)
    if trace_id is None:  # the formatter is used without our filter
        return current_ids()
    return _name(trace_id), _name(getattr(record, "span_id", ""))


def _timestamp(created: float, precision: str = "microseconds") -> str:
    try:
        moment = datetime.fromtimestamp(created, UTC)
    except (OverflowError, OSError, ValueError):  # a clock or a hand-made record out of range
        return describe(created)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _colour(level: int) -> str:
    return next((code for threshold, code in _COLOURS if level >= threshold), _DIM)


def _visible(part: str) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", part)
