# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.metrics.cells import CounterCell, GaugeCell, fitting

UNUSABLE = [
    math.nan,
    -1,
    -0.5,
    math.inf,
    -math.inf,
    10**400,
    "1",
    None,
    1j,
    pytest.param(object(), id="object"),
]


@pytest.fixture
def refused() -> list[object]:
    return []


@pytest.fixture
def cell(refused) -> CounterCell:
    return CounterCell({}, 0, refused.append)


@pytest.fixture
def gauge(refused) -> GaugeCell:
    return GaugeCell({}, refused.append)


def run_in_threads(*works) -> None:
    start = Barrier(len(works))

    def run(work) -> None:
        start.wait()
        work()

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_eight_threads_lose_no_increment_while_others_read(cell):
    def increment() -> None:
        inc = cell.inc
        for _ in range(100_000):
            inc()

    def add() -> None:
        for _ in range(100_000):
            cell.add(2)

    reads: list[float] = []

    def read() -> None:
        reads.extend(cell.read() for _ in range(2_000))

    run_in_threads(*[increment] * 4, *[add] * 4, read, read)

    assert cell.read() == 4 * 100_000 + 4 * 200_000


def test_what_one_reader_sees_never_falls(cell):
    reads: list[float] = []
    run_in_threads(
        lambda: [cell.inc() for _ in range(50_000)],
        lambda: [cell.add(3) for _ in range(20_000)],
        lambda: reads.extend(cell.read() for _ in range(2_000)),
    )

    assert reads == sorted(reads)


@given(st.lists(st.one_of(st.just("inc"), st.just("read"), st.just("rebase"), st.integers(0, 2**80))))
def test_any_sequence_counts_like_a_plain_number(steps):
    cell = CounterCell({}, 0, lambda _value: None)
    inc = cell.inc
    naive: float = 0
    for step in steps:
        if step == "inc":
            inc()
            naive += 1
        elif step == "read":
            assert cell.read() == pytest.approx(naive)
        elif step == "rebase":
            cell.rebase(1)
            naive = 0
        else:
            cell.add(step)
            naive += step

    assert cell.read() == pytest.approx(naive)


def test_a_prebound_inc_stays_valid_after_a_rebase(cell):
    inc = cell.inc
    inc()
    cell.rebase(42)
    inc()
    inc()

    assert cell.inc is inc
    assert cell.read() == 2
    assert cell.start_unix_nano == 42


def test_a_rebase_forgets_amounts_and_exemplar(cell):
    cell.add(5)
    cell.keep_exemplar(1, 2)
    cell.rebase(0)

    assert cell.published() is None
    assert cell.exemplar is None
    assert cell.exemplar_looks


def test_a_series_is_not_published_before_its_first_increment(cell):
    assert cell.published() is None

    cell.inc()

    assert cell.published() == 1


def test_adding_zero_makes_the_series_appear(cell):
    cell.add(0)

    assert cell.published() == 0


@pytest.mark.parametrize("amount", UNUSABLE, ids=repr)
def test_a_counter_refuses_what_it_cannot_add(cell, refused, amount):
    cell.add(amount)

    assert len(refused) == 1
    assert cell.published() is None


def test_amounts_are_folded_while_nobody_reads(cell):
    for _ in range(10_000):
        cell.add(1)

    assert len(cell._pending) < 2_048
    assert cell.read() == 10_000


def test_adding_does_not_wait_for_a_reader(cell):
    with cell._fold_lock:
        for _ in range(3_000):
            cell.add(1)

    assert cell.read() == 3_000


def test_sums_of_integers_beyond_doubles_do_not_raise(cell):
    for _ in range(20):
        cell.add(10**308)
    cell.add(1.5)

    assert cell.read() == math.inf


def test_the_newest_value_of_a_gauge_counts(gauge):
    gauge.set(1)
    gauge.set(-2.5)

    assert gauge.read() == -2.5


def test_a_gauge_has_no_value_before_the_first_one(gauge):
    assert gauge.read() is None


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, 10**400, "1", None, [], pytest.param(object(), id="object")],
    ids=repr,
)
def test_a_gauge_refuses_what_it_cannot_show(gauge, refused, value):
    gauge.set(value)

    assert gauge.read() is None
    assert refused == [value]


def test_a_value_is_refused_once_however_many_readers_come_by(gauge, refused):
    gauge.set(math.nan)
    gauge.read()
    gauge.read()

    assert len(refused) == 1


def test_a_gauge_shows_again_after_a_refused_value(gauge):
    gauge.set(math.nan)
    gauge.read()
    gauge.set(3)

    assert gauge.read() == 3


def test_a_prebound_set_stays_valid_after_a_rebase(gauge):
    prebound = gauge.set
    prebound(1)
    gauge.rebase()
    assert gauge.read() is None

    prebound(2)

    assert gauge.read() == 2


@pytest.mark.parametrize("value", [2**63, 2**63 + 1, -(2**63) - 1, 10**300])
def test_an_integer_that_otlp_cannot_carry_becomes_a_double(value):
    assert type(fitting(value)) is float
    assert fitting(value) == float(value)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0, 1.5, math.inf])
def test_what_otlp_can_carry_stays_as_it_is(value):
    assert fitting(value) is value
