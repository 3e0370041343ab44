# SPDX-License-Identifier: Apache-2.0
"""Records that somebody is working on: between the queue that they were in and whoever books them next."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from telemetry.pipeline.process import threads

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["InFlight"]


class InFlight(AbstractContextManager["InFlight"]):
    """The records of one thread's current batch. Thread-safe.

    When the time to shut down is over they are given up and booked as dropped, while that thread may still be
    encoding them; it learns of it from `claim`. As a context manager, the lock.

    Args:
        is_revocable: Whether they can be given up; those that an exporter has already are in its hands.

    Attributes:
        records: How many there are.
    """

    def __init__(self, *, is_revocable: bool) -> None:
        self._is_revocable = is_revocable
        self._is_given_up = False
        self._is_claimed = False
        self._lock = threads.rlock()
        self.records = 0

    def __enter__(self) -> InFlight:
        self._lock.acquire()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def begin(self, records: int) -> bool:
        """Notes what is worked on from now on; False when nothing is to be worked on any more."""
        with self:
            if not self._is_given_up:
                self.records, self._is_claimed = records, False
            return not self._is_given_up

    def claim(self) -> bool:
        """Lets nobody give them up any more; False when they were given up before.

        They are counted until `end`: what counts for a moment twice is not missed in between.
        """
        with self:
            self._is_claimed = True
            return not self._is_given_up

    def end(self) -> None:
        """Notes that somebody else has them now, or has booked them."""
        with self:
            self.records = 0

    def give_up(self) -> int:
        """Lets nothing more come of it; returns how many records the caller has to book."""
        with self:
            self._is_given_up = True
            if self._is_claimed or not self._is_revocable:
                return 0
            left, self.records = self.records, 0
            return left
