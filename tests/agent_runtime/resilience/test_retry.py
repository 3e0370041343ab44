# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from agent_runtime.faults import http_error
from agent_runtime.resilience.policy import RetrySettings, Timing
from agent_runtime.resilience.retry import Retry


class Scene:
    """A retry whose time and chance are recorded, around a call that fails as told."""

    def __init__(self, *errors: Exception, recoverable: bool = True, **settings: float) -> None:
        self.errors = list(errors)
        self.attempts = 0
        self.slept: list[float] = []
        self.limits: list[float] = []
        self.told: list[tuple[int, float]] = []
        self.recoverable = recoverable
        self.retry = Retry(RetrySettings(**settings), Timing(sleep=self.sleep, uniform=self.uniform))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def uniform(self, low: float, high: float) -> float:
        assert low == 0.0  # full jitter
        self.limits.append(high)
        return high / 2

    async def attempt(self) -> str:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def run(self) -> str:
        return asyncio.run(
            self.retry.call(
                self.attempt,
                is_recoverable=lambda _error: self.recoverable,
                on_retry=lambda _error, failures, wait_s: self.told.append((failures, wait_s)),
            )
        )


def test_a_call_that_works_is_made_once():
    scene = Scene()
    assert scene.run() == "done"
    assert (scene.attempts, scene.slept) == (1, [])


def test_recoverable_errors_are_retried_until_one_attempt_works():
    scene = Scene(TimeoutError(), TimeoutError())
    assert scene.run() == "done"
    assert scene.attempts == 3


def test_the_waits_are_jittered_below_a_limit_that_doubles():
    scene = Scene(*[TimeoutError() for _ in range(4)], max_attempts=5, base_wait_s=1.0, max_wait_s=3.0)
    scene.run()
    assert scene.limits == [1.0, 2.0, 3.0, 3.0]
    assert scene.slept == [0.5, 1.0, 1.5, 1.5]


def test_each_wait_is_told_before_it_begins():
    scene = Scene(TimeoutError(), TimeoutError(), base_wait_s=1.0)
    scene.run()
    assert scene.told == [(1, 0.5), (2, 1.0)]


def test_the_last_attempts_error_is_raised():
    scene = Scene(TimeoutError("first"), TimeoutError("second"), max_attempts=2)
    with pytest.raises(TimeoutError, match="second") as caught:
        scene.run()
    assert scene.attempts == 2
    assert caught.value.__context__ is None  # the first is no cause of the second


def test_an_error_that_is_not_recoverable_is_not_retried():
    scene = Scene(ValueError("no"), recoverable=False)
    with pytest.raises(ValueError, match="no"):
        scene.run()
    assert scene.attempts == 1


def test_retry_after_is_waited_for_when_it_is_longer_than_the_backoff():
    scene = Scene(http_error(429, {"Retry-After": "7"}))
    scene.run()
    assert scene.slept == [7.0]


def test_retry_after_does_not_shorten_the_backoff():
    scene = Scene(http_error(429, {"Retry-After": "0"}), base_wait_s=4.0)
    scene.run()
    assert scene.slept == [2.0]


def test_a_retry_after_that_is_too_long_ends_the_attempts():
    scene = Scene(http_error(429, {"Retry-After": "600"}), max_retry_after_s=60.0)
    with pytest.raises(OSError, match="429"):
        scene.run()
    assert scene.slept == []


def test_a_cancellation_during_a_wait_passes_through():
    async def cancelled_sleep(_seconds: float) -> None:
        raise asyncio.CancelledError

    scene = Scene(TimeoutError())
    scene.retry = Retry(RetrySettings(), Timing(sleep=cancelled_sleep, uniform=scene.uniform))
    with pytest.raises(asyncio.CancelledError):
        scene.run()


def test_very_many_failures_do_not_overflow_the_backoff():
    scene = Scene(*[TimeoutError() for _ in range(1100)], max_attempts=1200)
    assert scene.run() == "done"
    assert max(scene.limits) == 30.0
