# SPDX-License-Identifier: Apache-2.0
"""A bounded queue in front of one exporter, emptied in batches by one thread."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from telemetry.logs.otel_api import suppressed
from telemetry.pipeline.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from telemetry.pipeline.outcomes import Ledger

__all__ = ["BATCH_SIZE", "BatchWorker"]

RecordT = TypeVar("RecordT")

BATCH_SIZE = 512
"""Records per export: the default of OpenTelemetry's batch processors."""


class BatchWorker(Generic[RecordT]):
    """Queue and thread of one exporter and one signal.

    Putting a record is an append to a deque: no lock, no I/O.

    Args:
        export: Exports a batch; returns None when it was delivered, else why it was not.
        close: Shuts the exporter down; cuts a running export short.
        ledger: Books what becomes of the records.
        max_records: Records the queue may hold; further ones are dropped and booked as `queue_full`.
        interval_s: Seconds between two exports when no batch is full before.
    """

    def __init__(
        self,
        export: Callable[[list[RecordT]], str | None],
        close: Callable[[], None],
        ledger: Ledger,
        *,
        max_records: int,
        interval_s: float,
    ) -> None:
        self._export = export
        self._close = close
        self._ledger = ledger
        self._max_records = max_records
        self._queue: deque[RecordT] = deque()
        self._in_flight = 0
        self._wake_at = min(BATCH_SIZE, max_records)
        self._is_closed = False
        self._is_abandoned = False
        ledger.pending = self._count_pending
        self._ticker = Ticker(f"kairos-{ledger.signal}-{ledger.exporter}", interval_s, self._drain)

    def put(self, record: RecordT) -> None:
        """Queues a record, or drops it when the queue is full or shut down."""
        queue = self._queue
        if self._is_closed:
            self._ledger.drop("after_shutdown", 1)
        elif len(queue) >= self._max_records:
            self._ledger.drop("queue_full", 1)
        else:
            queue.append(record)
            if not self._ticker.is_started:
                self._ticker.start()
            if len(queue) == self._wake_at:
                self._ticker.wake()

    def begin_flush(self) -> Event:
        """Begins to export what is queued now; the event is set when that is done."""
        return self._ticker.begin_flush()

    def stop(self) -> None:
        """Takes no more records and begins to export the last ones."""
        self._is_closed = True
        self._ticker.stop()

    def join(self, deadline: float) -> bool:
        """Waits for the last export and returns whether it ended by `deadline` (`time.monotonic()`)."""
        return self._ticker.join(deadline)

    def close(self) -> None:
        """Shuts the exporter down, which cuts a running export short, and begins no other."""
        self._is_abandoned = True
        self._close()

    def give_up(self) -> None:
        """Drops and books what is still queued."""
        left = len(self._queue)
        self._queue.clear()
        if left:
            self._ledger.drop("shutdown_timeout", left)

    def _count_pending(self) -> int:
        return len(self._queue) + self._in_flight

    def _drain(self) -> None:
        # Only what is here now: an endless stream of records must not keep a flush from ending.
        for _ in range(-(-len(self._queue) // BATCH_SIZE)):
            if not self._is_abandoned:
                self._export_one_batch()

    def _export_one_batch(self) -> None:
        queue = self._queue
        batch: list[RecordT] = []
        for _ in range(min(len(queue), BATCH_SIZE)):
            batch.append(queue.popleft())
            self._in_flight += 1
        try:
            with suppressed():
                problem = self._export(batch)
        except Exception as error:  # noqa: BLE001 - an exporter's bug costs its batch, not the thread
            problem = f"{type(error).__name__}: {error}"
        if problem is None:
            self._ledger.deliver(len(batch))
        else:
            self._ledger.drop("export_failed", len(batch), problem)
        self._in_flight = 0
