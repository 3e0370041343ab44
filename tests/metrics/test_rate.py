# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.metrics.error_counts import ErrorCounts
from telemetry.metrics.limits import Limits
from telemetry.metrics.rate import RateWindow


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Errors:
    """Error counts whose rate is sampled once a second of a clock that a test turns."""

    def __init__(self, series: int = 100) -> None:
        self.clock = Clock()
        self.counts = ErrorCounts(Limits(series), self.clock)

    def happen(self, times: int = 1, component: str = "llm", code: str = "timeout") -> None:
        for _ in range(times):
            self.counts.series((code, component, True)).record()

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.now += 1
            self.counts.window.sample()

    def rates(self) -> dict[str, float]:
        return {attributes.get("component", "<process>"): rate for attributes, rate in self.counts.rates()}


@pytest.fixture
def errors() -> Errors:
    return Errors()


def test_a_process_without_errors_has_the_rate_zero(errors):
    assert errors.rates() == {"<process>": 0}


def test_a_young_process_counts_every_error_at_once(errors):
    errors.happen(3)
    errors.clock.now += 0.5

    assert errors.rates() == {"llm": 3, "<process>": 3}


def test_the_rate_is_the_number_of_errors_in_the_last_minute(errors):
    errors.happen(5)
    errors.wait(30)
    errors.happen(2)
    errors.wait(29)

    assert errors.rates()["llm"] == 7


def test_errors_older_than_a_minute_are_forgotten(errors):
    errors.happen(5)
    errors.wait(30)
    errors.happen(2)
    errors.wait(45)

    assert errors.rates()["llm"] == 2


def test_the_rate_falls_back_to_zero(errors):
    errors.happen(5)
    errors.wait(61)

    assert errors.rates() == {"llm": 0, "<process>": 0}


def test_components_have_their_own_rates(errors):
    errors.happen(2, "llm")
    errors.happen(1, "llm", "rate_limit")
    errors.happen(4, "tool")

    assert errors.rates() == {"llm": 3, "tool": 4, "<process>": 7}


def test_what_overflowed_counts_for_the_process_only():
    errors = Errors(series=1)
    errors.happen(2, "llm")
    errors.happen(3, "other")

    assert errors.rates() == {"llm": 2, "<process>": 5}


def test_a_stalled_sampler_makes_the_rate_an_average(errors):
    errors.wait(1)
    errors.happen(20)
    errors.clock.now += 119

    assert errors.rates()["llm"] == pytest.approx(10, rel=0.01)


def test_few_samples_are_kept(errors):
    errors.wait(600)

    assert len(errors.counts.window._samples) <= 62


@given(st.lists(st.integers(0, 5), min_size=1, max_size=150))
def test_sampled_every_second_the_rate_is_exact(happened):
    clock, total = Clock(), 0
    window = RateWindow(lambda: {"c": total}, clock)
    times: list[float] = []
    for number in happened:
        total += number
        times += [clock.now] * number
        clock.now += 1
        window.sample()

    assert window.per_minute()["c"] == sum(1 for time in times if time >= clock.now - 60)
