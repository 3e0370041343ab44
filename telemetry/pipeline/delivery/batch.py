# SPDX-License-Identifier: Apache-2.0
"""A bounded queue in front of one way out, emptied in batches by one thread."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from telemetry.pipeline.process.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.pipeline.delivery.in_flight import InFlight
    from telemetry.pipeline.delivery.outcomes import Ledger
    from telemetry.pipeline.process.threads import Latch

__all__ = ["BATCH_SIZE", "BatchWorker"]

RecordT = TypeVar("RecordT")

BATCH_SIZE = 512
"""Records per export: the default of OpenTelemetry's batch processors."""
_OBJECT_BYTES = 2048
"""What a span or log record takes in memory beside its content, roughly."""
_WEIGHED = 31
"""One record in 32 is weighed: looking into each would cost the application's thread more than its span."""


class BatchWorker(Generic[RecordT]):
    """Queue and thread of one exporter and one signal.

    Putting a record is an append to a deque: no lock, no I/O.

    Args:
        export: Takes a batch and its number of records, and books what becomes of them; never raises.
        close: Cuts a running export short.
        ledger: Books the records that do not get as far as an export.
        in_flight: Where it notes what is being exported.
        max_records: Records the queue may hold; further ones are dropped and booked as `queue_full`.
        max_bytes: Memory that they may take, by the weight of a sample of them.
        weigh: Tells how many bytes of content a record has, roughly.
        interval_s: Seconds between two exports when no batch is full before.
    """

    def __init__(
        self,
        export: Callable[[list[RecordT], int], None],
        close: Callable[[], None],
        ledger: Ledger,
        in_flight: InFlight,
        *,
        max_records: int,
        max_bytes: int,
        weigh: Callable[[RecordT], int],
        interval_s: float,
    ) -> None:
        self._export = export
        self._close = close
        self._ledger = ledger
        self._max_records = self._room = max_records
        self._max_bytes = max_bytes
        self._weigh = weigh
        self._weight = 0
        self._queue: deque[RecordT] = deque()
        self._in_flight = in_flight
        self._wake_at = min(BATCH_SIZE, max_records)
        self._is_closed = False
        self._is_abandoned = False
        ledger.count_pending(self._count_pending)
        self._ticker = Ticker(f"kairos-{ledger.signal}-{ledger.exporter}", interval_s, self._drain)

    def put(self, record: RecordT) -> None:
        """Queues a record, or drops it when the queue is full or shut down."""
        queue = self._queue
        if self._is_closed:
            self._ledger.drop("after_shutdown", 1)
        elif len(queue) >= self._room:
            self._ledger.drop("queue_full", 1)
        else:
            queue.append(record)
            if not self._ticker.is_started:
                self._ticker.start()
            if len(queue) == self._wake_at:
                self._ticker.wake()
            if not len(queue) & _WEIGHED:
                self._fit(self._weigh(record))

    @property
    def is_busy(self) -> bool:
        """Whether records come in faster than they go out, or somebody waits for the end."""
        return self._is_closed or 2 * len(self._queue) > self._room

    def begin_flush(self) -> Latch:
        """Begins to export what is queued now; the latch is set when that is done."""
        return self._ticker.begin_flush()

    def stop(self) -> None:
        """Takes no more records and begins to export the last ones."""
        self._is_closed = True
        self._ticker.stop()

    def join(self, deadline: float) -> bool:
        """Waits for the last export and returns whether it ended by `deadline` (`time.monotonic()`)."""
        return self._ticker.join(deadline)

    def close(self) -> None:
        """Cuts a running export short, and begins no other."""
        self._is_abandoned = True
        self._close()

    def give_up(self) -> None:
        """Drops and books what is still queued, and what is still being encoded."""
        with self._in_flight:
            left = len(self._queue) + self._in_flight.give_up()
            self._queue.clear()
        self._ledger.drop("shutdown_timeout", left)

    def _fit(self, content_bytes: int) -> None:
        """Lets the queue hold as many records as memory allows, by the running mean of their weight."""
        self._weight += (content_bytes - self._weight) // 8
        self._room = max(1, min(self._max_records, self._max_bytes // (_OBJECT_BYTES + self._weight)))
        self._wake_at = min(BATCH_SIZE, self._room)

    def _count_pending(self) -> int:
        with self._in_flight:
            return len(self._queue) + self._in_flight.records

    def _drain(self) -> None:
        # Only what is here now: an endless stream of records must not keep a flush from ending.
        for _ in range(-(-len(self._queue) // BATCH_SIZE)):
            if not self._is_abandoned:
                self._export_one_batch()
        self._ledger.notices.tell()

    def _export_one_batch(self) -> None:
        queue = self._queue
        with self._in_flight:  # what is taken out is counted at any moment
            count = min(len(queue), BATCH_SIZE)
            if not self._in_flight.begin(count):
                return
            batch = [queue.popleft() for _ in range(count)]
        self._export(batch, len(batch))
        self._in_flight.end()
