# SPDX-License-Identifier: Apache-2.0
"""Telemetry values as values that JSON can hold, for people and `jq` to read."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime

__all__ = ["attributes", "rfc3339", "value"]

_DEEPEST = 20


def attributes(values: Mapping[str, object] | None) -> dict[str, object]:
    """Attributes as a JSON object."""
    return {str(key): value(item) for key, item in (values or {}).items()}


def value(item: object, depth: int = 0) -> object:
    """A value as JSON holds it.

    Bytes become base64; a number that JSON lacks becomes "NaN", "Infinity" or "-Infinity", the
    spelling of protobuf's JSON mapping; anything that is not an AnyValue becomes its text.
    Nesting beyond 20 levels, which only a self-containing value has, becomes text as well.
    """
    match item:
        case None | bool() | str():
            return item
        case int():
            return int(item)  # an IntEnum is written as its number
        case float():
            return _number(item)
        case bytes() | bytearray() | memoryview():
            return b64encode(item).decode("ascii")
    if depth < _DEEPEST:
        match item:
            case Mapping():
                return {_text(key): value(inner, depth + 1) for key, inner in item.items()}
            case Sequence() | Set():
                return [value(inner, depth + 1) for inner in item]
    return _text(item)


def rfc3339(unix_nano: int | None) -> str | None:
    """A time in UTC with all nine digits of its nanoseconds, which `datetime` would cut to six."""
    if unix_nano is None:
        return None
    seconds, nanos = divmod(unix_nano, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


def _number(item: float) -> float | str:
    if math.isfinite(item):
        return float(item)
    if math.isnan(item):
        return "NaN"
    return "Infinity" if item > 0 else "-Infinity"


def _text(item: object) -> str:
    try:
        return str(item)
    except Exception:  # noqa: BLE001 (a value's own __str__ may raise anything; its type is still shown)
        return f"<unprintable {type(item).__name__}>"
