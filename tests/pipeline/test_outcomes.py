# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from telemetry.pipeline.outcomes import FlushResult, Ledger, SignalResult


def ledger(delivered: int, dropped: int, pending: int) -> Ledger:
    made = Ledger("traces", "test", lambda _reason, _count: None)
    made.deliver(delivered)
    made.drop("queue_full", dropped)
    made.pending = lambda: pending
    return made


def test_without_exporters_nothing_happens_to_a_signal():
    assert Ledger.total([]) == SignalResult()


def test_a_record_is_delivered_when_every_exporter_delivered_it():
    total = Ledger.total([ledger(5, 0, 1), ledger(3, 2, 0)])

    assert total == SignalResult(delivered=3, dropped=2, pending=1)


@pytest.mark.parametrize(
    ("result", "is_complete"),
    [
        (FlushResult(), True),
        (FlushResult(traces=SignalResult(delivered=5)), True),
        (FlushResult(logs=SignalResult(dropped=1)), False),
        (FlushResult(metrics=SignalResult(pending=1)), False),
    ],
)
def test_a_result_is_complete_when_nothing_was_lost_or_is_left(result, is_complete):
    assert result.is_complete == is_complete


def test_the_reason_stands_in_for_an_error_that_nobody_told():
    made = Ledger("traces", "test", lambda _reason, _count: None)
    made.drop("queue_full", 1)
    assert made.status().last_error == "queue_full"
    made.drop("export_failed", 1, "OSError: cable")
    made.drop("queue_full", 1)

    assert made.status().last_error == "OSError: cable"
