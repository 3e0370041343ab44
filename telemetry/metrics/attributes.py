# SPDX-License-Identifier: Apache-2.0
"""Attributes of a series: made safe once, when a cell is bound, so that recording need not look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.text import clip

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Labels", "clean_attributes", "series_key"]

Labels = dict[str, str | bool | int | float]
"""Attributes that every exporter can carry."""


def clean_attributes(attributes: Mapping[str, object] | None, limit: int) -> Labels:
    """Returns attributes with string keys and plain values, strings cut to `limit` bytes.

    Values that are neither text, boolean nor number become their text; None is left out. What has no
    readable text, or is no mapping at all, costs itself only: nothing here raises.
    """
    if attributes is None:
        return {}
    try:
        return {
            clip(_text(key), limit): _plain(value, limit)
            for key, value in attributes.items()
            if value is not None
        }
    except Exception:  # noqa: BLE001 - a mapping of somebody's making may raise anything
        return {}


def series_key(attributes: Labels) -> tuple[tuple[str, str, object], ...]:
    """Returns what identifies a series: order does not matter, and True, 1 and 1.0 differ."""
    return tuple(sorted((key, type(value).__name__, value) for key, value in attributes.items()))


def _plain(value: object, limit: int) -> str | bool | int | float:
    if isinstance(value, str):
        return clip(_text(value), limit)  # an enum's value, not the enum
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    return clip(_text(value), limit)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a value's own __str__ may raise anything; its type is still shown
        return f"<unprintable {type(value).__name__}>"
