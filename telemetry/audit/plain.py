# SPDX-License-Identifier: Apache-2.0
"""Values that a row can carry, made of whatever a caller gave."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["plain_row"]

_MAX_DEPTH = 16


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row that has canonical text: values that JSON cannot carry become text, None goes out."""
    return {_text(name): _plain(value, 0) for name, value in row.items() if value is not None}


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if depth < _MAX_DEPTH and isinstance(value, dict):
        return {_text(name): _plain(inner, depth + 1) for name, inner in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    return _text(value)


def _text(value: object) -> str:
    try:
        text = value if isinstance(value, str) else str(value)
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    except Exception as error:  # noqa: BLE001 - a caller's __str__ may raise anything; the row is still written
        return f"<{type(value).__name__} whose text raises {type(error).__name__}>"
