# SPDX-License-Identifier: Apache-2.0
"""Cancellations, which are no errors, and what is left of an exception group without them."""

from __future__ import annotations

import sys
from typing import Any

from telemetry.classification.reading import lineage, read

__all__ = ["is_cancellation", "leaves"]

_OF_PYTHON = (GeneratorExit, KeyboardInterrupt, SystemExit)
_BY_NAME = {("asyncio", "CancelledError"), ("trio", "Cancelled")}


def is_cancellation(err: object) -> bool:
    """Whether an exception only says that somebody stopped the work.

    That is: `asyncio.CancelledError`, `concurrent.futures.CancelledError`, `trio.Cancelled`,
    `GeneratorExit`, `KeyboardInterrupt`, `SystemExit`, and a group of nothing else. Never raises.
    """
    cls = type(err)
    if issubclass(cls, BaseExceptionGroup):
        return not leaves(err)
    return _is_cancelled(cls)


def leaves(err: Any) -> list[BaseException]:
    """The errors inside an exception group, flattened, each once, without cancellations.

    An error that is no group is its own only leaf; a cancellation has none. Never raises.
    """
    if not issubclass(type(err), BaseExceptionGroup):
        return [] if _is_cancelled(type(err)) else [err]
    found: list[BaseException] = []
    # Identity, since an exception may define equality; a set, since a group may hold itself.
    seen: set[int] = {id(err)}
    pending = _members(err)
    while pending:
        member = pending.pop()
        if id(member) in seen:
            continue
        seen.add(id(member))
        if issubclass(type(member), BaseExceptionGroup):
            pending.extend(_members(member))
        elif not _is_cancelled(type(member)):
            found.append(member)
    return found


def _members(group: Any) -> list[BaseException]:
    """The direct members, last first: a stack to take them from in order."""
    members = read(group, "exceptions")
    return list(reversed(members)) if type(members) is tuple else []


def _is_cancelled(cls: type) -> bool:
    if issubclass(cls, Exception):
        # The only cancellation that is an Exception; where nobody imported its module, it is none.
        cancelled = getattr(sys.modules.get("concurrent.futures"), "CancelledError", None)
        return cancelled is not None and issubclass(cls, cancelled)
    if not issubclass(cls, BaseException):
        return False
    return issubclass(cls, _OF_PYTHON) or any(
        (module.partition(".")[0], name) in _BY_NAME for _, module, name in lineage(cls)
    )
