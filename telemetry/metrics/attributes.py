# SPDX-License-Identifier: Apache-2.0
"""Attributes of a series: made safe once, when a cell is bound, so that recording need not look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from telemetry.text import clip, printable

__all__ = ["Labels", "any_attributes", "clean_attributes", "series_key"]

Labels = dict[str, str | bool | int | float]
"""Attributes that every exporter can carry."""

_MOST_DEPTH = 4
"""Of lists and maps in an attribute; what lies deeper becomes text."""


def clean_attributes(
    attributes: Mapping[str, object] | None, limit: int, on_cut: Callable[[], object] = int
) -> Labels:
    """Returns attributes with string keys and plain values, strings cut to `limit` bytes.

    Values that are neither text, boolean nor number become their text; None is left out. What has no
    readable text, or is no mapping at all, costs itself only: nothing here raises.

    Args:
        attributes: The attributes.
        limit: Bytes of UTF-8 per value.
        on_cut: Called for every value that is cut.
    """
    if attributes is None:
        return {}
    try:
        return {
            clip(printable(key), limit): _plain(value, limit, on_cut)
            for key, value in attributes.items()
            if value is not None
        }
    except Exception:  # noqa: BLE001 - a mapping of somebody's making may raise anything
        return {}


def any_attributes(
    attributes: Mapping[str, object] | None, limit: int, on_cut: Callable[[], object]
) -> dict[str, object]:
    """Returns a copy of attributes as OpenTelemetry's own instruments may have them: with lists and maps.

    Otherwise as `clean_attributes`, whose arguments it takes; those that need no cleaning are only copied.
    """
    if attributes is None:
        return {}
    surely_fits = limit // 4  # characters, whichever they are
    try:
        for key, value in attributes.items():
            kind: Any = type(value)
            if type(key) is not str or not (
                (value.isascii() and len(value) <= surely_fits) if kind is str else kind is bool  # type: ignore[attr-defined, arg-type]  # text, by its kind
            ):
                break
        else:
            return dict(attributes)
        return {
            clip(printable(key), limit): _nested(value, limit, on_cut, 0)
            for key, value in attributes.items()
            if value is not None
        }
    except Exception:  # noqa: BLE001 - a mapping of somebody's making may raise anything
        return {}


def series_key(attributes: Labels) -> tuple[object, ...]:
    """Returns what identifies a series: order does not matter, and True, 1 and 1.0 differ."""
    # Flat: a tuple for each attribute would take half a label more memory, in each of thousands of series.
    key: list[object] = []
    for name in sorted(attributes):
        value = attributes[name]
        key += (name, type(value).__name__, value)
    return tuple(key)


def _nested(value: object, limit: int, on_cut: Callable[[], object], depth: int) -> object:
    if depth < _MOST_DEPTH:
        if isinstance(value, list | tuple):
            return tuple(_nested(item, limit, on_cut, depth + 1) for item in value)
        if isinstance(value, Mapping):
            return {
                clip(printable(key), limit): _nested(item, limit, on_cut, depth + 1)
                for key, item in value.items()
            }
    return _plain(value, limit, on_cut)


def _plain(value: object, limit: int, on_cut: Callable[[], object]) -> str | bool | int | float:
    if value is True or value is False:
        return value
    # The built-in methods: those of a subclass may do anything.
    if issubclass(type(value), float):
        number = float.__float__(value)  # type: ignore[arg-type]  # a float, by its kind
        if isfinite(number):
            return number
    elif issubclass(type(value), int):
        whole = int.__index__(value)  # type: ignore[arg-type]  # an int, by its kind
        if -(2**63) <= whole < 2**63:
            return whole
    text = printable(value)
    kept = clip(text, limit)
    if len(kept) < len(text):
        on_cut()
    return kept
