# SPDX-License-Identifier: Apache-2.0
"""Plain values: what people put into a log record, made safe for JSON and for OTLP.

One log attribute with a set, a lone surrogate or 2**70 costs the OTLP encoder its whole batch, and
a NaN makes a JSON line that no parser accepts. So every value is brought down to text, booleans,
64-bit integers, finite floats, lists and string-keyed maps before it is handed on.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import TypeAlias

from telemetry.text import type_name

__all__ = ["PlainValue", "describe", "extra_fields", "message", "plain", "plain_attributes", "text"]

PlainValue: TypeAlias = "str | bool | int | float | list[PlainValue] | dict[str, PlainValue] | None"

_MAX_DEPTH = 8  # deeper structures, and those that contain themselves, are shown by their repr
_INT64 = 1 << 63

# What logging itself puts on a record, and what `TraceContextFilter` adds: everything else is the caller's.
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    "asctime",
    "message",
    "taskName",
    "trace_id",
    "span_id",
    "service_name",
}


def text(value: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot carry, as escape sequences."""
    if value.isascii():
        return str.__str__(value)
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def describe(value: object) -> str:
    """Return the value's repr, or a stand-in that names its type when the repr itself raises."""
    try:
        return text(repr(value))
    except Exception as error:  # noqa: BLE001 - a user's __repr__ may raise anything; a log call must not
        return f"<unprintable {type_name(value)}: repr raised {type_name(error)}>"


def plain(value: object, depth: int = 0) -> PlainValue:
    """Return the value as JSON and OTLP can carry it; never raises.

    Text, booleans, None, 64-bit integers and finite floats stay; lists, tuples and mappings are
    copied, mapping keys become text; anything else becomes its repr.

    Args:
        value: Whatever was logged.
        depth: How many containers it lies in; from eight on, its repr is given.
    """
    if value is None or value is True or value is False:
        return value
    try:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, int) and -_INT64 <= value < _INT64:
            return int.__index__(value)  # drops subclasses (IntEnum), whose own methods may do anything
        if isinstance(value, float) and math.isfinite(value):
            return float.__float__(value)
        if depth < _MAX_DEPTH:
            if isinstance(value, (list, tuple)):
                return [plain(item, depth + 1) for item in value]
            if isinstance(value, Mapping):
                return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    except Exception as error:  # noqa: BLE001 - containers and numbers of users' own making may raise anything
        return f"<unreadable {type_name(value)}: {type_name(error)}>"
    return describe(value)


def plain_attributes(attributes: object) -> dict[str, PlainValue]:
    """Return attributes with text as keys and plain values; None counts as no attributes.

    Raises:
        TypeError: It is no mapping.
        Exception: What its own methods raise.
    """
    if attributes is None:
        return {}
    if not isinstance(attributes, Mapping):
        raise TypeError(f"attributes are a mapping, not a {type_name(attributes)}")
    return {_key(key): plain(value) for key, value in attributes.items()}


def message(record: logging.LogRecord) -> str:
    """Return the record's message; one whose arguments do not fit its format is shown with both."""
    try:
        return text(record.getMessage())
    except Exception as error:  # noqa: BLE001 - arguments' own __str__ may raise anything
        return (
            f"{describe(record.msg)} with arguments {describe(record.args)}"
            f" (the message could not be formatted: {type_name(error)})"
        )


def extra_fields(record: logging.LogRecord) -> dict[str, PlainValue]:
    """Return what the caller passed as `extra`, by name, as plain values."""
    return {
        _key(name): plain(value) for name, value in list(vars(record).items()) if name not in _STANDARD_FIELDS
    }


def _key(key: object) -> str:
    return text(key) if isinstance(key, str) else describe(key)
