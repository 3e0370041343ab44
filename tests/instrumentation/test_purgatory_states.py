# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import purgatory
import pytest
from purgatory.domain.model import OpenedState
from support.flaky import Flaky

from telemetry.instrumentation import PurgatoryInstrumentor

TIMEOUT = ("timeout", "weather", "true")
OPEN, HALF_OPEN, CLOSED = 0, 1, 2
UNHEALTHY, HEALTHY = 0, 2


class Sync:
    def __init__(self, **settings):
        self.factory = purgatory.SyncCircuitBreakerFactory(**settings)

    def call(self, work):
        with self.factory.get_breaker("weather"):
            return work()


class Async:
    def __init__(self, **settings):
        self.factory = purgatory.AsyncCircuitBreakerFactory(**settings)

    def call(self, work):
        async def main():
            @self.factory("weather")
            async def guarded():
                return await work.later()

            return await guarded()

        return asyncio.run(main())


@pytest.fixture(params=[Sync, Async])
def flavour(request, instrument, reported):
    instrument(PurgatoryInstrumentor)
    return request.param


def fail(circuit, error):
    with pytest.raises(type(error)):
        circuit.call(Flaky(error))


def test_a_breaker_that_works_is_closed_and_healthy(flavour, reported):
    assert flavour().call(Flaky()) == "done"
    assert reported.circuits == {"weather": CLOSED}
    assert reported.health == {"weather": HEALTHY}


def test_failures_are_counted_and_open_it(flavour, reported):
    circuit = flavour(default_threshold=2, default_ttl=60)
    fail(circuit, TimeoutError("1"))
    assert reported.circuits == {"weather": CLOSED}
    fail(circuit, TimeoutError("2"))

    with pytest.raises(OpenedState):
        circuit.call(Flaky())

    assert reported.circuits == {"weather": OPEN}
    assert reported.health == {"weather": UNHEALTHY}
    assert reported.errors == {TIMEOUT: 2}


def test_it_opens_again_or_closes_over_half_open(flavour, reported):
    circuit = flavour(default_threshold=1, default_ttl=-1)
    fail(circuit, TimeoutError("1"))
    fail(circuit, TimeoutError("2"))
    assert reported.circuits == {"weather": OPEN}
    assert circuit.call(Flaky()) == "done"
    assert reported.circuits == {"weather": CLOSED}
    assert reported.health == {"weather": HEALTHY}
    assert reported.errors == {TIMEOUT: 2}
    assert reported.recovered == {}


def test_every_change_is_reported_in_order(flavour, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "telemetry.instrumentation.purgatory.report_circuit", lambda component, state: seen.append(int(state))
    )
    circuit = flavour(default_threshold=1, default_ttl=-1)

    fail(circuit, TimeoutError("1"))
    circuit.call(Flaky())

    assert seen == [CLOSED, OPEN, OPEN, HALF_OPEN, CLOSED]


def test_an_excluded_exception_is_no_failure(flavour, reported):
    fail(flavour(exclude=[KeyError]), KeyError("1"))

    assert reported.errors == {}
    assert reported.circuits == {"weather": CLOSED}


@pytest.mark.parametrize("component", ["tool.weather", lambda name: f"tool.{name}"], ids=["text", "function"])
def test_the_component_can_be_given(component, flavour, instrument, reported):
    PurgatoryInstrumentor().uninstrument()
    instrument(PurgatoryInstrumentor, component=component)

    fail(flavour(), TimeoutError("1"))

    assert reported.circuits == {"tool.weather": CLOSED}
    assert reported.errors == {("timeout", "tool.weather", "true"): 1}


def test_uninstrument_leaves_factories_as_they_were(flavour, reported):
    circuit, other = flavour(default_threshold=1), flavour()
    circuit.call(Flaky())
    other.call(Flaky())
    other.factory.remove_listener(next(iter(other.factory.listeners)))
    PurgatoryInstrumentor().uninstrument()

    fail(circuit, TimeoutError("1"))

    assert circuit.factory.listeners == other.factory.listeners == {}
    assert reported.errors == {}
    assert reported.circuits == {"weather": CLOSED}
