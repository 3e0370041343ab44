# SPDX-License-Identifier: Apache-2.0
"""Failures of recording itself: contained, counted, logged once per kind."""

from __future__ import annotations

from itertools import count
from threading import Lock

__all__ = ["Trouble"]


class Trouble:
    """What went wrong inside record calls. They never raise into the agent; this is where it goes instead."""

    def __init__(self) -> None:
        self._count = count()
        self._offset = 0
        self._lock = Lock()
        self._reported: set[tuple[str, str]] = set()

    def report(self, call: str, problem: BaseException) -> None:
        """Notes that a call could not record."""
        next(self._count)
        kind = (call, type(problem).__name__)
        if kind in self._reported:
            return
        self._reported.add(kind)
        import logging

        logging.getLogger("telemetry").error(
            "%s could not record: %s (reported once; each one is counted in kairos.telemetry.dropped).",
            call,
            type(problem).__name__,
            exc_info=problem,
        )

    @property
    def total(self) -> int:
        """How many calls could not record."""
        with self._lock:  # readers of several exporters may ask at the same time; `report` never waits
            total = next(self._count) - self._offset
            self._offset += 1  # the line above counted itself
            return total
