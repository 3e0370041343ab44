# SPDX-License-Identifier: Apache-2.0
"""What became of every record: delivered, spooled, dropped or pending, and why."""

from __future__ import annotations

import time
from threading import RLock
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SIGNALS", "ExporterStatus", "FlushResult", "Ledger", "Signal", "SignalResult"]

Signal = Literal["metrics", "traces", "logs"]
SIGNALS: tuple[Signal, ...] = ("metrics", "traces", "logs")


class SignalResult(NamedTuple):
    """Records of one signal since `init`: data points, spans or log records.

    With several exporters a record is delivered when all of them delivered it.

    Attributes:
        delivered: Accepted by the receiver.
        spooled: Waiting on disk.
        dropped: Given up; `Telemetry.status()` tells why.
        pending: Still in memory.
    """

    delivered: int = 0
    spooled: int = 0
    dropped: int = 0
    pending: int = 0


class FlushResult(NamedTuple):
    """What a flush or shutdown left behind, per signal."""

    metrics: SignalResult = SignalResult()
    traces: SignalResult = SignalResult()
    logs: SignalResult = SignalResult()

    @property
    def is_complete(self) -> bool:
        """Whether nothing was dropped and nothing is pending."""
        return not any(signal.dropped or signal.pending for signal in self)


class ExporterStatus(NamedTuple):
    """What one exporter did with one signal since `init`.

    Attributes:
        signal: `metrics`, `traces` or `logs`.
        exporter: Name of the exporter.
        delivered: Records delivered.
        dropped: Records given up, by reason.
        pending: Records waiting in memory.
        last_success_unix: When the last export succeeded (Unix seconds), or None.
        last_error: What the last failed export said, or None.
    """

    signal: Signal
    exporter: str
    delivered: int
    dropped: Mapping[str, int]
    pending: int
    last_success_unix: float | None
    last_error: str | None


class Ledger:
    """The books of one exporter and one signal. Thread-safe.

    Args:
        signal: Whose records.
        exporter: Name of the exporter.
        on_drop: Told (reason, count) of every record that is given up.
    """

    def __init__(self, signal: Signal, exporter: str, on_drop: Callable[[str, int], None]) -> None:
        self.signal = signal
        self.exporter = exporter
        self.pending: Callable[[], int] = int
        self._on_drop = on_drop
        self._delivered = 0
        self._dropped: dict[str, int] = {}
        self._last_success: float | None = None
        self._last_error: str | None = None
        self._lock = RLock()  # reentrant, for a signal handler may record while a drop is booked

    def deliver(self, count: int) -> None:
        """Books records that the receiver accepted."""
        with self._lock:
            self._delivered += count
            self._last_success = time.time()

    def drop(self, reason: str, count: int, error: str | None = None) -> None:
        """Books records that are given up."""
        with self._lock:
            self._dropped[reason] = self._dropped.get(reason, 0) + count
            self._last_error = error or self._last_error or reason
        self._on_drop(reason, count)

    def status(self) -> ExporterStatus:
        """Returns the books as they stand."""
        with self._lock:
            return ExporterStatus(
                self.signal,
                self.exporter,
                self._delivered,
                dict(self._dropped),
                self.pending(),
                self._last_success,
                self._last_error,
            )

    @staticmethod
    def total(ledgers: list[Ledger]) -> SignalResult:
        """Returns one signal's result over all its exporters."""
        statuses = [ledger.status() for ledger in ledgers]
        if not statuses:
            return SignalResult()
        return SignalResult(
            delivered=min(status.delivered for status in statuses),
            dropped=max(sum(status.dropped.values()) for status in statuses),
            pending=max(status.pending for status in statuses),
        )
