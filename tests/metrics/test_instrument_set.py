# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from telemetry.metrics.instrument_set import InstrumentSet


@pytest.fixture
def instruments() -> InstrumentSet:
    return InstrumentSet()


def test_a_name_gives_the_same_instrument(instruments):
    assert instruments.counter("a") is instruments.counter("a", "s", "other words")


def test_a_name_is_the_same_in_any_case(instruments):
    assert instruments.counter("My.Calls") is instruments.counter("my.calls")
    assert instruments.counter("My.Calls").name == "my.calls"


def test_a_name_belongs_to_one_kind(instruments):
    instruments.counter("a")

    with pytest.raises(ValueError, match=r"^'a' is already a counter, not a gauge; use another name\.$"):
        instruments.gauge("a")


def test_instruments_are_listed_by_kind(instruments):
    counter, gauge = instruments.counter("c"), instruments.gauge("g")
    instruments.histogram("h")

    assert instruments.counters() == {"c": counter}
    assert instruments.gauges() == {"g": gauge}


@pytest.mark.parametrize("name", ["", "1st", "two words", "ä", "a" * 256, 5, None], ids=repr)
def test_a_name_that_opentelemetry_refuses_is_refused_at_once(instruments, name):
    with pytest.raises(
        ValueError, match=r"^name: .* cannot name an instrument; allowed: up to 255 of A-Z a-z"
    ):
        instruments.counter(name)
    assert instruments.counters() == {}


@pytest.mark.parametrize("name", ["a", "A.b_c-d/e9", "a" * 255])
def test_every_name_that_opentelemetry_takes_is_taken(instruments, name):
    assert instruments.counter(name).name == name.lower()


@pytest.mark.parametrize("unit", ["ä", "x" * 64, None], ids=repr)
def test_a_unit_that_opentelemetry_refuses_is_refused_at_once(instruments, unit):
    with pytest.raises(ValueError, match=r"^unit: .* cannot be a unit; allowed: up to 63 ASCII characters\."):
        instruments.counter("a", unit)


def test_locks_are_new_in_a_forked_child(instruments):
    counter = instruments.counter("a")
    with instruments._lock, counter._lock:
        held = instruments._lock, counter._lock
        instruments.reset_locks()

    assert (instruments._lock, counter._lock) != held
    assert counter.bind({"b": 1}) is counter.bind({"b": 1})


class Publication:
    def __init__(self) -> None:
        self.is_ended = False
        self.meter = self

    def create_observable_counter(self, *arguments) -> None:
        pass

    def callback(self, observe):
        return observe

    def end(self) -> None:
        self.is_ended = True


def test_a_new_publication_starts_every_series_from_zero(instruments):
    cell = instruments.counter("a").bind({})
    cell.inc()
    instruments.publish(Publication())

    assert cell.published() is None


def test_a_late_withdrawal_leaves_the_next_publication_alone(instruments):
    first, second = Publication(), Publication()
    instruments.publish(first)
    instruments.publish(second)
    cell = instruments.counter("a").bind({})
    cell.inc()
    instruments.withdraw(first)

    assert first.is_ended
    assert not second.is_ended
    assert cell.published() == 1


def test_a_name_of_our_own_metrics_is_refused():
    with pytest.raises(ValueError, match="is an instrument of this package"):
        InstrumentSet().counter("Kairos.Errors.Total")
