# SPDX-License-Identifier: Apache-2.0
"""Reading strangers' objects: attributes that may be missing, lie, or raise."""

from __future__ import annotations

from typing import Any

__all__ = ["chained", "entry", "lineage", "read", "text"]


def read(value: Any, *names: str) -> Any:
    """Follows a path of attributes; None where one is missing or raises."""
    for name in names:
        try:
            value = getattr(value, name)
        except Exception:  # noqa: BLE001 - a property of somebody's exception may raise anything
            return None
    return value


def entry(value: Any, *keys: object) -> Any:
    """Follows a path of keys through dictionaries; None where it ends early."""
    for key in keys:
        if not issubclass(type(value), dict):
            return None
        value = dict.get(value, key)
    return value


def text(value: Any) -> str | None:
    """The plain text of a string, else None: a subclass' own `__hash__` and `__eq__` stay out."""
    return str.__str__(value) if issubclass(type(value), str) else None


def chained(err: Any) -> BaseException | None:
    """The exception behind an exception, as Python's traceback would show it."""
    if not issubclass(type(err), BaseException):
        return None
    try:
        cause = err.__cause__
        if cause is None and not err.__suppress_context__:
            cause = err.__context__
    except Exception:  # noqa: BLE001 - a class may put a property of its own in their place
        return None
    return cause if issubclass(type(cause), BaseException) else None


def lineage(cls: type) -> tuple[tuple[type, str, str], ...]:
    """The classes of an error, most specific first, each with its module and name."""
    return tuple(
        (base, text(read(base, "__module__")) or "", text(read(base, "__name__")) or "")
        for base in type.mro(cls)
    )
