# SPDX-License-Identifier: Apache-2.0
"""The right to do something that only one may do at a time, and nobody in the middle of doing it."""

from __future__ import annotations

from _thread import get_ident

from telemetry.pipeline.process import threads

__all__ = ["Turn"]


class Turn:
    """A lock that tells its owner that it has it already, instead of letting it wait for itself or in again.

    What runs in the middle of its owner's work (a destructor, a signal handler) learns by it that it has
    to leave the work to the owner.
    """

    def __init__(self) -> None:
        self._lock = threads.lock()
        self._owner = 0

    def take(self, *, may_wait: bool = True) -> bool:
        """Takes the turn and returns whether it was there to be taken; False in the owner's own thread."""
        if self._owner == get_ident() or not self._lock.acquire(may_wait):
            return False
        self._owner = get_ident()
        return True

    def give_back(self) -> None:
        """Ends the turn."""
        self._owner = 0
        self._lock.release()
