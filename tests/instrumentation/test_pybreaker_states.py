# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pybreaker
import pytest
from support.flaky import Flaky

import telemetry
from telemetry.instrumentation import PybreakerInstrumentor

TIMEOUT = ("timeout", "weather", "true")
OPEN, HALF_OPEN, CLOSED = 0, 1, 2
UNHEALTHY, DEGRADED, HEALTHY = 0, 1, 2


@pytest.fixture
def breaker(instrument, reported):
    instrument(PybreakerInstrumentor)
    return pybreaker.CircuitBreaker(fail_max=2, reset_timeout=60, name="weather")


def fail(breaker, error):
    with pytest.raises((type(error), pybreaker.CircuitBreakerError)):
        breaker.call(Flaky(error))


def test_a_new_breaker_is_closed_and_healthy(breaker, reported):
    assert reported.circuits == {"weather": CLOSED}
    assert reported.health == {"weather": HEALTHY}


def test_failures_are_counted_and_open_it(breaker, reported):
    fail(breaker, TimeoutError("1"))
    assert reported.circuits == {"weather": CLOSED}

    fail(breaker, TimeoutError("2"))
    assert reported.circuits == {"weather": OPEN}
    assert reported.health == {"weather": UNHEALTHY}
    assert reported.errors == {TIMEOUT: 2}
    assert reported.recovered == {}


def test_it_closes_over_half_open(breaker, reported):
    breaker.half_open()
    assert reported.circuits == {"weather": HALF_OPEN}
    assert reported.health == {"weather": DEGRADED}

    assert breaker.call(Flaky()) == "done"
    assert reported.circuits == {"weather": CLOSED}
    assert reported.health == {"weather": HEALTHY}


def test_the_failure_that_opens_it_is_one_error_for_those_around(breaker, reported):
    fail(breaker, TimeoutError("1"))

    with pytest.raises(pybreaker.CircuitBreakerError) as opened, telemetry.observe("outer"):
        breaker.call(Flaky(TimeoutError("2")))

    assert isinstance(opened.value.__cause__, TimeoutError)
    assert reported.errors == {TIMEOUT: 2}


def test_a_refused_call_is_no_failure_of_the_component(breaker, reported):
    breaker.open()

    with pytest.raises(pybreaker.CircuitBreakerError) as refused:
        breaker.call(Flaky())

    assert refused.value.__cause__ is None
    assert reported.errors == {}


def test_an_excluded_exception_is_no_failure(breaker, reported):
    breaker.add_excluded_exception(KeyError)

    fail(breaker, KeyError("1"))

    assert reported.errors == {}


def test_a_block_counts_too(breaker, reported):
    with pytest.raises(TimeoutError), breaker.calling():
        raise TimeoutError("1")

    assert reported.errors == {TIMEOUT: 1}


def test_an_older_breaker_is_reported_when_it_is_used(instrument, reported):
    breaker = pybreaker.CircuitBreaker(fail_max=1, name="weather")
    breaker.open()
    instrument(PybreakerInstrumentor)
    assert reported.circuits == {}

    fail(breaker, TimeoutError("refused"))
    assert reported.circuits == {"weather": OPEN}


def test_a_breaker_without_a_name_reports_failures_only(instrument, reported, caplog):
    instrument(PybreakerInstrumentor)
    breaker = pybreaker.CircuitBreaker()
    fail(breaker, TimeoutError("1"))

    assert reported.circuits == {}
    assert [code for code, _, _ in reported.errors] == ["timeout"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "a pybreaker.CircuitBreaker has no name, so its state is not reported; give it one: "
        "CircuitBreaker(name='weather')"
    ]


@pytest.mark.parametrize("component", ["tool.weather", lambda name: f"tool.{name}"], ids=["text", "function"])
def test_the_component_can_be_given(component, instrument, reported):
    instrument(PybreakerInstrumentor, component=component)
    fail(pybreaker.CircuitBreaker(name="weather"), TimeoutError("1"))

    assert reported.circuits == {"tool.weather": CLOSED}
    assert reported.errors == {("timeout", "tool.weather", "true"): 1}


def test_uninstrument_leaves_breakers_and_library_as_they_were(breaker, reported):
    without = pybreaker.CircuitBreaker(name="other")
    without.remove_listener(without.listeners[0])
    ours = pybreaker.CircuitBreaker.call
    PybreakerInstrumentor().uninstrument()

    assert breaker.listeners == without.listeners == ()
    assert ours.__wrapped__ is pybreaker.CircuitBreaker.call
    fail(breaker, TimeoutError("1"))
    assert reported.errors == {}
