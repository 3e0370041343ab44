# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from time import monotonic

from telemetry.pipeline.batch import BatchWorker
from telemetry.pipeline.outcomes import Ledger


def test_a_worker_that_was_closed_begins_no_other_batch():
    batches: list[int] = []
    ledger = Ledger("traces", "test", lambda _reason, _count: None)

    def export(batch: list[int]) -> None:
        batches.append(len(batch))
        worker.close()

    worker: BatchWorker[int] = BatchWorker(export, lambda: None, ledger, max_records=5000, interval_s=3600)
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


def test_a_record_after_the_end_is_dropped():
    dropped: list[tuple[str, int]] = []
    ledger = Ledger("logs", "test", lambda reason, count: dropped.append((reason, count)))
    worker: BatchWorker[int] = BatchWorker(
        lambda _batch: None, lambda: None, ledger, max_records=5, interval_s=3600
    )
    worker.stop()
    worker.put(1)

    assert dropped == [("after_shutdown", 1)]
