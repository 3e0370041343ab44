# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

import pytest

from agent_runtime.resilience.breaker import CircuitBreaker, Permit
from agent_runtime.resilience.policy import BreakerSettings
from telemetry import CircuitState

OPEN, HALF_OPEN, CLOSED = CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(BreakerSettings(), clock=clock)


def enter(breaker: CircuitBreaker) -> Permit:
    permit = breaker.enter()
    assert permit is not None
    return permit


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        enter(breaker).failed()


def opened(breaker: CircuitBreaker) -> None:
    fail(breaker, 5)
    assert breaker.state is OPEN


def test_five_consecutive_failures_open_it(breaker: CircuitBreaker):
    fail(breaker, 4)
    assert breaker.state is CLOSED
    fail(breaker)
    assert breaker.state is OPEN


def test_a_success_in_between_starts_the_count_again(breaker: CircuitBreaker):
    fail(breaker, 4)
    enter(breaker).succeeded()
    fail(breaker, 4)
    assert breaker.state is CLOSED


def test_an_open_breaker_refuses_calls_and_says_for_how_long(breaker: CircuitBreaker, clock: Clock):
    opened(breaker)
    clock.now += 29.0
    assert breaker.enter() is None
    assert breaker.retry_in_s() == 1.0


def test_a_breaker_that_takes_calls_has_nothing_to_wait_for(breaker: CircuitBreaker):
    assert breaker.retry_in_s() == 0.0


def test_after_thirty_seconds_a_call_may_try(breaker: CircuitBreaker, clock: Clock):
    opened(breaker)
    clock.now += 30.0
    enter(breaker)
    assert breaker.state is HALF_OPEN


def test_two_successes_in_half_open_close_it(breaker: CircuitBreaker, clock: Clock):
    opened(breaker)
    clock.now += 30.0
    enter(breaker).succeeded()
    assert breaker.state is HALF_OPEN
    enter(breaker).succeeded()
    assert breaker.state is CLOSED


def test_one_failure_in_half_open_opens_it_for_another_period(breaker: CircuitBreaker, clock: Clock):
    opened(breaker)
    clock.now += 30.0
    enter(breaker).succeeded()
    fail(breaker)
    assert breaker.state is OPEN
    assert breaker.retry_in_s() == 30.0


def test_half_open_lets_no_more_calls_in_than_it_needs(breaker: CircuitBreaker, clock: Clock):
    opened(breaker)
    clock.now += 30.0
    first, second = enter(breaker), enter(breaker)
    assert breaker.enter() is None
    first.succeeded()
    second.succeeded()
    assert breaker.state is CLOSED


def test_an_abandoned_probe_makes_room_for_another(breaker: CircuitBreaker, clock: Clock):
    opened(breaker)
    clock.now += 30.0
    enter(breaker)
    enter(breaker).abandoned()
    assert breaker.enter() is not None
    assert breaker.state is HALF_OPEN


def test_an_abandoned_call_counts_for_nothing(breaker: CircuitBreaker):
    fail(breaker, 4)
    enter(breaker).abandoned()
    fail(breaker)
    assert breaker.state is OPEN


def test_a_result_from_before_the_breaker_opened_is_discarded(breaker: CircuitBreaker, clock: Clock):
    early = enter(breaker)
    late = enter(breaker)
    opened(breaker)
    early.succeeded()
    assert breaker.state is OPEN
    clock.now += 30.0
    enter(breaker)
    late.failed()
    assert breaker.state is HALF_OPEN


def test_an_outcome_is_taken_once(breaker: CircuitBreaker):
    permit = enter(breaker)
    for _ in range(10):
        permit.failed()
    assert breaker.state is CLOSED


def test_a_listener_is_told_the_state_at_once_and_every_change_in_order(
    breaker: CircuitBreaker, clock: Clock
):
    states: list[CircuitState] = []
    breaker.listen(states.append)
    opened(breaker)
    clock.now += 30.0
    enter(breaker).succeeded()
    enter(breaker).succeeded()
    assert states == [CLOSED, OPEN, HALF_OPEN, CLOSED]


def test_announce_tells_the_state_again(breaker: CircuitBreaker):
    states: list[CircuitState] = []
    breaker.listen(states.append)
    breaker.announce()
    assert states == [CLOSED, CLOSED]


def test_a_listener_may_use_the_breaker_because_no_lock_is_held(breaker: CircuitBreaker):
    seen: list[tuple[CircuitState, float, bool]] = []
    breaker.listen(lambda state: seen.append((state, breaker.retry_in_s(), breaker.enter() is None)))
    opened(breaker)
    assert seen == [(CLOSED, 0.0, False), (OPEN, 30.0, True)]


def test_a_listener_that_fails_is_logged_and_harms_nobody(
    breaker: CircuitBreaker, caplog: pytest.LogCaptureFixture
):
    def broken(_state: CircuitState) -> None:
        raise RuntimeError("listener bug")

    states: list[CircuitState] = []
    breaker.listen(broken)
    breaker.listen(states.append)
    assert states == [CLOSED]
    assert "a circuit breaker's listener failed" in caplog.text
    assert "listener bug" in caplog.text


def test_eight_threads_open_it_once_and_are_heard_in_order(clock: Clock):
    breaker = CircuitBreaker(BreakerSettings(failure_threshold=8000), clock=clock)
    states: list[CircuitState] = []
    breaker.listen(states.append)
    permits = [[enter(breaker) for _ in range(1000)] for _ in range(8)]
    threads = [
        threading.Thread(target=lambda mine=mine: [permit.failed() for permit in mine]) for mine in permits
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [CLOSED, OPEN]
