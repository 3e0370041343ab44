# SPDX-License-Identifier: Apache-2.0
"""What became of every record: delivered, spooled, dropped or pending, and why."""

from __future__ import annotations

import time
from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from telemetry.config.exporters import SIGNALS, Signal
from telemetry.pipeline.delivery.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SIGNALS", "ExporterStatus", "FlushResult", "Ledger", "Signal", "SignalResult"]


class SignalResult(NamedTuple):
    """Records of one signal since `init`: data points, spans or log records.

    With several exporters a record is delivered when all of them delivered it.

    Attributes:
        delivered: Accepted by the receiver.
        spooled: Safe on disk (`spool_dir`), until the receiver accepts them now or in a later process.
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
        """Whether nothing was dropped and nothing is pending: every record is delivered or on disk."""
        return not any(signal.dropped or signal.pending for signal in self)


class ExporterStatus(NamedTuple):
    """What one exporter did with one signal since `init`.

    Every record is in exactly one of `delivered`, `spooled`, `dropped` and `pending`.

    Attributes:
        signal: `metrics`, `traces` or `logs`.
        exporter: Name of the exporter.
        delivered: Records delivered.
        dropped: Records given up, by reason.
        pending: Records waiting in memory.
        last_success_unix: When the last export succeeded (Unix seconds), or None.
        last_error: What the last failed export said, or None.
        spooled: Records waiting on disk.
        recovered: Records of earlier processes, found on disk, that were delivered; not in `delivered`.
        recovered_dropped: Records of earlier processes that were given up, by reason; not in `dropped`.
        truncated: Attribute values that were cut to `attribute_value_limit`.
    """

    signal: Signal
    exporter: str
    delivered: int
    dropped: Mapping[str, int]
    pending: int
    last_success_unix: float | None
    last_error: str | None
    spooled: int = 0
    recovered: int = 0
    recovered_dropped: Mapping[str, int] = MappingProxyType({})
    truncated: int = 0


class Ledger:
    """The books of one exporter and one signal. Thread-safe.

    Args:
        signal: Whose records.
        exporter: Name of the exporter.
        on_drop: Told (reason, count) of every record that is given up.

    Attributes:
        notices: Tells people about drops and troubles, sparingly.
    """

    def __init__(self, signal: Signal, exporter: str, on_drop: Callable[[str, int], None]) -> None:
        self.signal = signal
        self.exporter = exporter
        self.notices = Notices(f"{exporter}: {signal}")
        self._on_drop = on_drop
        self._pending: list[Callable[[], int]] = []
        self._spooled: Callable[[], int] = int
        self._delivered = 0
        self._dropped: dict[str, int] = {}
        self._recovered = 0
        self._recovered_dropped: dict[str, int] = {}
        self._truncated = 0
        self._last_success: float | None = None
        self._last_error: str | None = None
        self._lock = RLock()  # reentrant, for a signal handler may record while a drop is booked

    def count_pending(self, count: Callable[[], int]) -> None:
        """Learns of a place where records wait in memory."""
        self._pending.append(count)

    def count_spooled(self, count: Callable[[], int]) -> None:
        """Learns of the place where records wait on disk."""
        self._spooled = count

    def close(self) -> None:
        """Keeps the figures as they are: nothing is pending any more, and what is on disk stays there."""
        spooled = self._spooled()
        self._pending, self._spooled = [], lambda: spooled

    def deliver(self, records: int, *, is_own: bool = True) -> None:
        """Books records that the receiver accepted."""
        with self._lock:
            if is_own:
                self._delivered += records
            else:
                self._recovered += records
            self._last_success = time.time()

    def drop(self, reason: str, records: int, error: str | None = None, *, is_own: bool = True) -> None:
        """Books records that are given up."""
        if not records:
            return
        with self._lock:
            dropped = self._dropped if is_own else self._recovered_dropped
            dropped[reason] = dropped.get(reason, 0) + records
            self._last_error = error or self._last_error or reason
        self._on_drop(reason, records)
        self.notices.drop(reason, records, error)

    def fail(self, error: str) -> None:
        """Notes what a failed attempt said; its records are not given up."""
        with self._lock:
            self._last_error = error

    def truncate(self, count: int) -> None:
        """Books attribute values that were cut."""
        with self._lock:
            self._truncated += count

    def status(self) -> ExporterStatus:
        """Returns the books as they stand."""
        with self._lock:
            return ExporterStatus(
                self.signal,
                self.exporter,
                self._delivered,
                dict(self._dropped),
                sum(count() for count in self._pending),
                self._last_success,
                self._last_error,
                self._spooled(),
                self._recovered,
                dict(self._recovered_dropped),
                self._truncated,
            )

    @staticmethod
    def total(ledgers: list[Ledger]) -> SignalResult:
        """Returns one signal's result over all its exporters: for each record its worst fate."""
        statuses = [ledger.status() for ledger in ledgers]
        if not statuses:
            return SignalResult()
        dropped = [sum(status.dropped.values()) for status in statuses]
        emitted = max(
            status.delivered + status.spooled + status.pending + lost
            for status, lost in zip(statuses, dropped, strict=True)
        )
        delivered = min(status.delivered for status in statuses)
        pending = max(status.pending for status in statuses)
        rest = emitted - delivered - max(dropped) - pending
        return SignalResult(delivered, max(0, rest), max(dropped), pending)
