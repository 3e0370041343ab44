# SPDX-License-Identifier: Apache-2.0
"""What people are told about delivery: at most one line a minute for each cause, and what it adds up to."""

from __future__ import annotations

import logging
from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INTERVAL_S", "Notices"]

_logger = logging.getLogger("telemetry")
INTERVAL_S = 60.0
"""Least time between two lines about the same cause."""


class Notices:
    """The lines about one exporter and one signal.

    Noting costs no I/O, for records are dropped in the application's own threads too; `tell` logs, and is
    called from the pipeline's threads.

    Args:
        about: What each line begins with.
        clock: Monotonic seconds.
    """

    def __init__(self, about: str, clock: Callable[[], float] = monotonic) -> None:
        self._about = about
        self._clock = clock
        self._lock = RLock()  # reentrant, for a signal handler may record while a drop is noted
        self._untold: dict[str, tuple[int, str | None]] = {}
        self._totals: dict[str, int] = {}
        self._told_at: dict[str, float] = {}
        self._said_failure = False

    def drop(self, reason: str, count: int, error: str | None) -> None:
        """Notes records that were given up."""
        with self._lock:
            before, earlier = self._untold.get(reason, (0, None))
            self._untold[reason] = (before + count, error or earlier)

    def failure(self, error: str, waiting: str) -> None:
        """Says that nothing gets through, and where the records are meanwhile."""
        with self._lock:
            is_due = self._is_due("failure")
            self._said_failure = self._said_failure or is_due
        if is_due:
            _logger.warning("%s do not get through: %s; %s", self._about, error, waiting)

    def success(self) -> None:
        """Says that records get through again, if it was said that they do not."""
        if self._said_failure:
            self._said_failure = False
            _logger.info("%s get through again", self._about)

    def remark(self, message: str) -> None:
        """Passes on what a receiver said although it took everything."""
        with self._lock:
            is_due = self._is_due("remark")
        if is_due:
            _logger.warning("%s: the receiver says: %s", self._about, message)

    def tell(self, *, is_last: bool = False) -> None:
        """Logs what was dropped, each reason at most once a minute; at the end, everything untold."""
        if not self._untold:
            return
        lines = []
        with self._lock:
            for reason in [reason for reason in self._untold if is_last or self._is_due(reason)]:
                count, error = self._untold.pop(reason)
                self._totals[reason] = self._totals.get(reason, 0) + count
                lines.append((count, reason, error, self._totals[reason]))
        for count, reason, error, total in lines:
            because = f": {error}" if error else ""
            _logger.warning("%s: %d dropped (%s)%s; %d in all", self._about, count, reason, because, total)

    def _is_due(self, cause: str) -> bool:
        now = self._clock()
        told_at = self._told_at.get(cause)
        if told_at is not None and now - told_at < INTERVAL_S:
            return False
        self._told_at[cause] = now
        return True
