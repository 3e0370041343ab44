# SPDX-License-Identifier: Apache-2.0
"""What counts as a number: anything that is one, as a plain int or float that OTLP can carry."""

from __future__ import annotations

import sys
from operator import index
from typing import Any

__all__ = ["amount_of", "number_of"]

_LARGEST = sys.float_info.max


def amount_of(value: object) -> int | float | None:
    """Returns what a counter or histogram can take, a finite number that is not negative; else None."""
    number = number_of(value)
    return number if number is not None and number >= 0 else None


def number_of(value: object) -> int | float | None:
    """Returns a finite number that a double can hold, as OTLP can carry it; None for anything else.

    An integer beyond 64 bits becomes a double: one of them as an integer would block every export.
    Numbers of other kinds (numpy's, fractions, decimals, subclasses of int and float) are taken by
    their `__index__` or `__float__`; text is no number. Never raises.
    """
    kind = type(value)
    if kind is float:
        return value if -_LARGEST <= value <= _LARGEST else None  # type: ignore[operator, return-value]  # false for NaN too
    if kind is int:
        return _fitting(value)  # type: ignore[arg-type]  # its type was looked up above
    return _converted(value, kind)


def _fitting(value: int) -> int | float | None:
    if -(2**63) <= value < 2**63:
        return value
    return float(value) if -_LARGEST <= value <= _LARGEST else None


def _converted(value: Any, kind: type) -> int | float | None:
    # The built-in methods are asked first: those of a subclass may do anything.
    try:
        if issubclass(kind, int):
            return _fitting(int.__index__(value))
        if issubclass(kind, float):
            return number_of(float.__float__(value))
        if hasattr(kind, "__index__"):
            return _fitting(index(value))
        if hasattr(kind, "__float__"):
            return number_of(float(value))
    except Exception:  # noqa: BLE001, S110 - a class of somebody's making may raise anything: then it is no number
        pass
    return None
