# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from telemetry.pipeline.delivery.outcomes import FlushResult, Ledger, SignalResult


def ledger(delivered: int, dropped: int, pending: int, spooled: int = 0) -> Ledger:
    made = Ledger("traces", "test", lambda _reason, _count: None)
    made.deliver(delivered)
    made.drop("queue_full", dropped)
    made.count_pending(lambda: pending)
    made.count_spooled(lambda: spooled)
    return made


def test_without_exporters_nothing_happens_to_a_signal():
    assert Ledger.total([]) == SignalResult()


def test_a_record_is_delivered_when_every_exporter_delivered_it():
    total = Ledger.total([ledger(5, 0, 1), ledger(3, 2, 0)])

    assert total == SignalResult(delivered=3, dropped=2, pending=1)


def test_of_several_exporters_the_worst_fate_counts_and_the_sum_stays():
    total = Ledger.total([ledger(70, 30, 0), ledger(0, 0, 0, spooled=100)])

    assert total == SignalResult(delivered=0, spooled=70, dropped=30, pending=0)


def test_what_waits_in_several_places_adds_up():
    books = ledger(0, 0, 3)
    books.count_pending(lambda: 4)

    assert books.status().pending == 7


def test_closed_books_keep_what_is_on_disk_and_have_nothing_pending():
    waiting = [12]
    books = ledger(0, 0, 3)
    books.count_spooled(lambda: waiting[0])
    books.close()
    waiting[0] = 0

    assert (books.status().pending, books.status().spooled) == (0, 12)


def test_records_of_earlier_processes_are_booked_apart():
    books = ledger(1, 0, 0)
    books.deliver(5, is_own=False)
    books.drop("spool_expired", 2, is_own=False)

    status = books.status()
    assert (status.delivered, status.recovered) == (1, 5)
    assert (dict(status.dropped), dict(status.recovered_dropped)) == ({}, {"spool_expired": 2})
    assert Ledger.total([books]) == SignalResult(delivered=1)


def test_cut_values_are_booked():
    books = ledger(0, 0, 0)
    books.truncate(2)
    books.truncate(1)

    assert books.status().truncated == 3


@pytest.mark.parametrize(
    ("result", "is_complete"),
    [
        (FlushResult(), True),
        (FlushResult(traces=SignalResult(delivered=5)), True),
        (FlushResult(traces=SignalResult(spooled=5)), True),
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


def test_a_failed_attempt_is_remembered_although_nothing_is_given_up():
    made = ledger(0, 0, 1)
    made.fail("connection refused")

    assert made.status().last_error == "connection refused"
    assert dict(made.status().dropped) == {}
