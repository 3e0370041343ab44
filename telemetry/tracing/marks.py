# SPDX-License-Identifier: Apache-2.0
"""What was already done about an exception, kept on the exception itself.

An exception crosses many layers and each of them may report it. The marks travel with it, also
through `raise ... from`, so that it is counted once and its event is written once.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this module
if TYPE_CHECKING:
    from typing import Any

    from telemetry.metrics.error_counts import ErrorKey

__all__ = ["COUNTED", "counted_as", "first_event", "mark_counted"]

COUNTED = "__kairos_counted__"
_EVENT = "__kairos_event__"
_CHAIN = 16
"""Causes looked at; longer chains are loops or nonsense."""


def counted_as(error: BaseException) -> ErrorKey | None:
    """Returns what an exception, or one that it was raised from, was counted as."""
    link: BaseException | None = error
    for _ in range(_CHAIN):
        if link is None:
            break
        key: ErrorKey | None = _marks(link).get(COUNTED)
        if key is not None:
            return key
        link = _cause(link)
    return None


def mark_counted(error: BaseException, key: ErrorKey) -> None:
    """Notes that an exception was counted, and as what."""
    _marks(error)[COUNTED] = key


def first_event(error: BaseException) -> bool:
    """Returns whether the exception's event is still to be written, and notes that it is now."""
    marks = _marks(error)
    if _EVENT in marks:
        return False
    marks[_EVENT] = True
    return True


def _marks(error: BaseException) -> dict[str, Any]:
    try:
        marks = error.__dict__
        return marks if isinstance(marks, dict) else {}
    except Exception:  # noqa: BLE001 - no exception at all, or one whose attributes cannot be read
        return {}


def _cause(error: BaseException) -> BaseException | None:
    try:
        return error.__cause__
    except Exception:  # noqa: BLE001 - likewise
        return None
