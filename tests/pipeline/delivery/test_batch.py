# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from threading import Event
from time import monotonic

import pytest

from telemetry.pipeline.delivery.batch import BatchWorker
from telemetry.pipeline.delivery.in_flight import InFlight
from telemetry.pipeline.delivery.outcomes import Ledger
from telemetry.pipeline.delivery.ways_out import DirectExport


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("traces", "test", lambda _reason, _count: None)


def worker_of(
    ledger, export, *, max_records=5000, max_bytes=1 << 30, weight=100, in_flight=None
) -> BatchWorker[int]:
    return BatchWorker(
        DirectExport(export, ledger, lambda *_: None) if in_flight is None else export,
        lambda: None,
        ledger,
        in_flight or InFlight(is_revocable=False),
        max_records=max_records,
        max_bytes=max_bytes,
        weigh=lambda _record: weight,
        interval_s=3600,
    )


def test_a_worker_that_was_closed_begins_no_other_batch(ledger):
    batches: list[int] = []

    def export(batch: list[int]) -> bool:
        batches.append(len(batch))
        worker.close()
        return True

    worker = worker_of(ledger, export)
    for number in range(600):
        worker.put(number)
    worker.begin_flush().wait(10)
    worker.stop()
    assert worker.join(monotonic() + 10)
    worker.give_up()

    status = ledger.status()
    assert len(batches) == 1
    assert status.delivered == batches[0]
    assert dict(status.dropped) == {"shutdown_timeout": 600 - batches[0]}
    assert status.pending == 0


def test_a_record_after_the_end_is_dropped(ledger):
    worker = worker_of(ledger, lambda _batch: True)
    worker.stop()
    worker.put(1)

    assert dict(ledger.status().dropped) == {"after_shutdown": 1}


def test_large_records_leave_room_for_fewer(ledger):
    worker = worker_of(ledger, lambda _batch: True, max_bytes=1_000_000, weight=98_000)
    worker._ticker.is_started = True  # no thread takes anything out
    for number in range(600):
        worker.put(number)

    assert ledger.status().pending < 100
    assert ledger.status().pending + ledger.status().dropped["queue_full"] == 600


def test_room_for_one_record_is_always_left(ledger):
    worker = worker_of(ledger, lambda _batch: True, max_bytes=1000, weight=1 << 40)
    worker._ticker.is_started = True
    for number in range(33):
        worker.put(number)
    worker._queue.clear()
    worker.put(1)

    assert ledger.status().pending == 1


def test_a_worker_is_busy_when_its_queue_is_half_full_or_it_is_to_end(ledger):
    worker = worker_of(ledger, lambda _batch: True, max_records=4)
    assert not worker.is_busy
    worker._queue.extend([1, 2, 3])
    assert worker.is_busy
    worker._queue.clear()
    worker.stop()

    assert worker.is_busy


@pytest.mark.parametrize(("is_revocable", "dropped", "pending"), [(True, 600, 0), (False, 88, 512)])
def test_a_batch_that_is_still_worked_on_at_the_end_is_booked(ledger, is_revocable, dropped, pending):
    """What an exporter has stays pending; what is only being encoded is given up."""
    is_working, may_end = Event(), Event()

    def export(_batch: list[int], _records: int) -> None:
        is_working.set()
        may_end.wait(10)

    worker = worker_of(ledger, export, in_flight=InFlight(is_revocable=is_revocable))
    for number in range(600):
        worker.put(number)
    assert is_working.wait(10)
    worker.stop()
    worker.close()
    worker.give_up()

    status = ledger.status()
    assert (dict(status.dropped), status.pending) == ({"shutdown_timeout": dropped}, pending)
    may_end.set()
    assert worker.join(monotonic() + 10)
    assert ledger.status().pending == 0
