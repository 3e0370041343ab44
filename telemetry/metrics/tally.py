# SPDX-License-Identifier: Apache-2.0
"""A count that anything may raise at any moment: a signal handler, `__del__`, many threads at once."""

from __future__ import annotations

from itertools import count
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Tally"]


class Tally:
    """Counts by ones, exactly and without a lock.

    Attributes:
        add_one: Adds one; it *is* the `__next__` of an `itertools.count`. Its return value has no meaning.
    """

    __slots__ = ("_lock", "_offset", "add_one")

    def __init__(self) -> None:
        self.add_one: Callable[[], int] = count().__next__
        self._offset = 0  # calls that were reads, or that happened before the last reset
        self._lock = Lock()

    def read(self) -> int:
        """Returns the count since the last `reset`. Thread-safe; who counts never waits for it."""
        with self._lock:
            value = self.add_one() - self._offset
            self._offset += 1  # the line above counted itself
            return value

    def reset(self) -> None:
        """Starts from zero again; `add_one` stays the same object."""
        self._lock = Lock()  # the old one may be held by a thread that a fork left behind
        self._offset = self.add_one() + 1
