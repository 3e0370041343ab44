# SPDX-License-Identifier: Apache-2.0
"""Which errors of an operation are still open, so that each is reported as recovered at most once."""

from __future__ import annotations

from telemetry import record_error_metric, record_recovery

__all__ = ["Ledger"]


class Ledger:
    """The errors of one operation that nothing has made good yet.

    Counts every error when it happens, and as recovered, with exactly that error's code,
    component and recoverability, when a later attempt or a fallback of the operation succeeds.
    Belongs to one task at a time; not thread-safe.
    """

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: list[tuple[Exception, str]] = []

    def failed(self, error: Exception, component: str) -> None:
        """Counts a failed attempt."""
        record_error_metric(error, component)
        self._open.append((error, component))

    def made_good(self) -> None:
        """Counts every open error as recovered, and closes it."""
        while self._open:
            error, component = self._open.pop()
            record_recovery(error, component)

    def merge(self, other: Ledger) -> None:
        """Takes over the open errors of another ledger, which has none afterwards."""
        self._open += other._open
        other._open = []

    def close(self) -> None:
        """Forgets the open errors: nothing made them good, and their tracebacks hold on to frames."""
        self._open.clear()
