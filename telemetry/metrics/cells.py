# SPDX-License-Identifier: Apache-2.0
"""Cells: one counted or measured series, cheap enough to be touched on every error.

A cell belongs to one instrument and one set of attributes. Recording takes no lock, does no I/O
and cannot deadlock from a signal handler, `__del__` or a forked child; the reader does the work.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from telemetry.metrics.numbers import amount_of, number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.metrics.attributes import Labels

__all__ = ["EXEMPLAR_LOOKS", "CounterCell", "Exemplar", "GaugeCell", "fitting"]

EXEMPLAR_LOOKS = 8
"""Looks for a span between two collections of a series."""

_NOTHING = object()
_FOLD_AT = 1024
"""How many amounts `add` may leave before it folds them itself."""


def fitting(value: float) -> float:
    """Returns a number as OTLP can carry it: an integer beyond 64 bits as a double.

    One such integer would block every export, and a sum of them may be too large even for a double.
    """
    return value if -(2**63) <= value < 2**63 else float(value)


class Exemplar(NamedTuple):
    """The newest measurement of a series that was made inside a sampled span."""

    trace_id: int
    span_id: int
    time_unix_nano: int


class CounterCell:
    """One counter series.

    Args:
        attributes: The attributes of the series.
        start_unix_nano: Since when the series counts.
        refuse: Called with an amount that cannot be added.

    `inc` is the fast path: it *is* the `__next__` of an `itertools.count`, which increments
    atomically on every CPython build, free-threaded ones included; `+=` does not.

    Attributes:
        attributes: The attributes of the series.
        inc: Adds one. Its return value has no meaning.
        start_unix_nano: Since when the series counts.
        exemplar: The newest exemplar, if any.
        exemplar_looks: How often the fast path may still look for a span. One exemplar per
            collection is enough, and outside of spans looking again and again is in vain.
    """

    __slots__ = (
        "_fold_lock",
        "_folded",
        "_offset",
        "_pending",
        "_refuse",
        "_touched",
        "attributes",
        "exemplar",
        "exemplar_looks",
        "inc",
        "start_unix_nano",
    )

    def __init__(self, attributes: Labels, start_unix_nano: int, refuse: Callable[[object], None]) -> None:
        self.attributes = attributes
        self.start_unix_nano = start_unix_nano
        self.inc: Callable[[], int] = count().__next__
        self._refuse = refuse
        self.exemplar: Exemplar | None = None
        self.exemplar_looks = EXEMPLAR_LOOKS
        self._offset = 0  # calls of `inc` that were reads, or that happened before the last rebase
        self._pending: list[float] = []  # an empty deque takes 700 bytes more, in each of thousands of series
        self._folded: float = 0
        self._fold_lock = Lock()
        self._touched = False

    def add(self, amount: float) -> None:
        """Adds an amount.

        The amount waits in a list until the next read: appending is atomic and needs no lock.

        Args:
            amount: Finite and not negative; anything else is refused, which is counted and logged once.
        """
        usable = amount_of(amount)
        if usable is None:
            self._refuse(amount)
            return
        self._touched = True
        self._pending.append(usable)
        # Never wait: whoever holds the lock folds these amounts too, or the next caller does.
        if len(self._pending) >= _FOLD_AT and self._fold_lock.acquire(blocking=False):
            try:
                self._fold()
            finally:
                self._fold_lock.release()

    def read(self) -> float:
        """Returns the sum since the last `rebase`; for readers, which may run at the same time."""
        with self._fold_lock:
            self._fold()
            value = self.inc() - self._offset
            self._offset += 1  # the call above counted itself
            return value + self._folded

    def published(self) -> float | None:
        """Returns the sum, or None while nothing was recorded: a series appears with its first increment."""
        value = self.read()
        return value if value or self._touched else None

    def rebase(self, start_unix_nano: int) -> None:
        """Starts counting from zero again; `inc` stays the same object, so that prebound ones stay valid."""
        self._fold_lock = Lock()  # the old one may be held by a thread that a fork left behind
        self._pending.clear()
        self._folded = 0
        self._touched = False
        self._offset = self.inc() + 1
        self.exemplar = None
        self.exemplar_looks = EXEMPLAR_LOOKS
        self.start_unix_nano = start_unix_nano

    def keep_exemplar(self, trace_id: int, span_id: int) -> None:
        """Remembers the span that a measurement was made in."""
        self.exemplar_looks = 0
        self.exemplar = Exemplar(trace_id, span_id, time.time_ns())

    def _fold(self) -> None:
        pending = self._pending
        for _ in range(len(pending)):
            self._folded += pending.pop()


class GaugeCell:
    """One gauge series.

    Args:
        attributes: The attributes of the series.
        refuse: Called with a value that is no finite number.

    Attributes:
        attributes: The attributes of the series.
        set: Sets the current value. It *is* the `append` of a deque of length one.
    """

    __slots__ = ("_last", "_refuse", "_refused", "attributes", "set")

    def __init__(self, attributes: Labels, refuse: Callable[[object], None]) -> None:
        self.attributes = attributes
        self._refuse = refuse
        self._refused: object = _NOTHING
        self._last: deque[float] = deque(maxlen=1)
        self.set: Callable[[float], None] = self._last.append

    def read(self) -> float | None:
        """Returns the newest value, or None before the first one.

        What `set` took unseen is judged here: a value that is no finite number is refused.
        """
        last = tuple(self._last)  # one C call: the deque cannot become empty or change in between
        if not last:
            return None
        value = number_of(last[0])
        if value is None and last[0] is not self._refused:  # every reader comes by here again and again
            self._refused = last[0]
            self._refuse(last[0])
        return value

    def rebase(self) -> None:
        """Forgets the value; `set` stays the same object."""
        self._last.clear()
