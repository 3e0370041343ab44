# SPDX-License-Identifier: Apache-2.0
"""Values that a row can carry, made of whatever a caller gave."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

__all__ = ["plain_row", "utc"]

_MAX_DEPTH = 16
_MAX_BITS = 1024  # an integer of some thousand digits could be written, and then no JSON reader would read it


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row that has canonical text: values that JSON cannot carry become text, None goes out."""
    return {_text(name): _plain(value, 0) for name, value in row.items() if value is not None}


def utc(now_ns: int) -> str:
    """Returns a moment (Unix nanoseconds) as a row's `ts` has it: UTC, with microseconds."""
    seconds, nanos = divmod(now_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos // 1000:06d}Z"


def _plain(value: Any, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    try:
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, int):
            number = int(value)
            return number if number.bit_length() <= _MAX_BITS else hex(number)
        if isinstance(value, float):
            real = float(value)
            return real if math.isfinite(real) else repr(real)
        if isinstance(value, dict | list | tuple | set | frozenset):
            if depth == _MAX_DEPTH:
                return f"<{type(value).__name__}>"  # its text might be endless
            if isinstance(value, dict):
                return {_text(name): _plain(inner, depth + 1) for name, inner in value.items()}
            return [_plain(item, depth + 1) for item in value]
        if isinstance(value, date):  # datetime is one
            return value.isoformat()
    except Exception as error:  # noqa: BLE001 - a caller's class may raise anything; the row is still written
        return _unreadable(value, error)
    return _text(value)


def _text(value: object) -> str:
    try:
        text = value if isinstance(value, str) else str(value)
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    except Exception as error:  # noqa: BLE001 - as above
        return _unreadable(value, error)


def _unreadable(value: object, error: Exception) -> str:
    return f"<{type(value).__name__} whose text raises {type(error).__name__}>"
