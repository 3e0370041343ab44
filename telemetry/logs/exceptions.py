# SPDX-License-Identifier: Apache-2.0
"""Exceptions of log records: their type name, message and text."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, TypeAlias

from telemetry.logs.values import describe, text
from telemetry.text import type_name as short_name

if TYPE_CHECKING:
    import logging
    from types import TracebackType

__all__ = ["exception_of", "exception_text", "message_of", "type_name"]

ExcInfo: TypeAlias = (
    "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None"
)


def exception_of(exc_info: object) -> BaseException | None:
    """Return the exception of a record's `exc_info`, which is a triple, an exception, or nothing."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple) and len(exc_info) == 3 and isinstance(exc_info[1], BaseException):
        return exc_info[1]
    return None


def type_name(error: BaseException) -> str:
    """Return the class's full name as `exception.type` wants it: `ValueError`, `package.MyError`."""
    cls = type(error)
    try:
        return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    except Exception:  # noqa: BLE001 - a metaclass of somebody's making may raise anything
        return short_name(error)


def message_of(error: BaseException) -> str:
    """Return the exception's message; when its `__str__` raises, its repr."""
    try:
        return text(str(error))
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
        return describe(error)


def exception_text(error: BaseException) -> str:
    """Return the traceback as Python prints it, without the final newline."""
    try:
        return text("".join(traceback.format_exception(error))).rstrip("\n")
    except Exception:  # noqa: BLE001 - formatting runs users' code (__str__, __notes__, source loaders)
        return f"{type_name(error)}: {message_of(error)}"


def record_exception_text(record: logging.LogRecord) -> str:
    """Return the record's exception as text, or "" when it has none.

    Text that another handler has rendered before (`exc_text`) is used as it is: the records of a
    QueueHandler carry nothing else.
    """
    error = exception_of(record.exc_info)
    if record.exc_text:
        return text(record.exc_text)
    return "" if error is None else exception_text(error)
