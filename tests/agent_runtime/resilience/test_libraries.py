# SPDX-License-Identifier: Apache-2.0
"""Why breaker and retry are our own: what libraries do where docs/agent-runtime.md says they fall short.

A test that fails here is good news: the library has learned it, and is to be compared again.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import purgatory
import pybreaker
import pytest
import stamina
import stamina.instrumentation
from purgatory.domain.model import HalfOpenedState

from agent_runtime.resilience import BreakerSettings, CircuitBreaker
from telemetry import CircuitState

SETTINGS = BreakerSettings(failure_threshold=1, success_threshold=2, open_s=30.0)


class Ours:
    """Our breaker behind the same three questions as the others."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.breaker = CircuitBreaker(SETTINGS, clock=lambda: self.now_s)

    @property
    def state(self) -> str:
        return self.breaker.state.name.lower().replace("_", "-")

    async def half_open(self) -> None:
        if self.breaker.state is CircuitState.CLOSED:
            self.breaker.enter().failed()
        self.now_s += 30.0
        self.breaker.enter().abandoned()

    @asynccontextmanager
    async def call(self):
        permit = self.breaker.enter()
        if permit is None:
            raise PermissionError("open")
        try:
            yield
        except asyncio.CancelledError:
            permit.abandoned()
            raise
        except Exception:
            permit.failed()
            raise
        permit.succeeded()


class Pybreaker:
    def __init__(self) -> None:
        self.breaker = pybreaker.CircuitBreaker(fail_max=1, reset_timeout=30, success_threshold=2)

    @property
    def state(self) -> str:
        return self.breaker.current_state

    async def half_open(self) -> None:
        self.breaker.half_open()

    @asynccontextmanager
    async def call(self):
        with self.breaker.calling():
            yield


class Purgatory:
    def __init__(self) -> None:
        self.factory = purgatory.AsyncCircuitBreakerFactory(default_threshold=1, default_ttl=30)
        self.state = "closed"
        self.factory.add_listener(self._listen)

    def _listen(self, _name: str, kind: str, event: object) -> None:
        if kind == "state_changed":
            self.state = event.state.replace("opened", "open") if event.state != "closed" else event.state

    async def half_open(self) -> None:
        (await self.factory.get_breaker("x")).context.set_state(HalfOpenedState())

    @asynccontextmanager
    async def call(self):
        async with await self.factory.get_breaker("x"):
            yield


BREAKERS = pytest.mark.parametrize(
    ("make", "is_enough"),
    [(Ours, True), (Pybreaker, False), (Purgatory, False)],
    ids=["ours", "pybreaker", "purgatory"],
)


@BREAKERS
def test_in_half_open_only_so_many_calls_may_try(make, is_enough: bool):
    async def peak() -> int:
        breaker, most, inside = make(), 0, 0
        await breaker.half_open()
        gate = asyncio.Event()

        async def one() -> None:
            nonlocal most, inside
            async with breaker.call():
                inside += 1
                most = max(most, inside)
                await gate.wait()

        tasks = [asyncio.create_task(one()) for _ in range(20)]
        for _ in range(10):
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        return most

    assert asyncio.run(peak()) == (2 if is_enough else 20)


@BREAKERS
def test_a_cancelled_call_says_nothing_about_the_component(make, is_enough: bool):
    async def after() -> str:
        breaker = make()

        async def hang() -> None:
            async with breaker.call():
                await asyncio.sleep(3600)

        task = asyncio.create_task(hang())
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return breaker.state

    assert asyncio.run(after()) == ("closed" if is_enough else "open")


@BREAKERS
def test_a_late_result_of_an_earlier_generation_is_discarded(make, is_enough: bool):
    async def after() -> str:
        breaker = make()
        gate = asyncio.Event()

        async def late() -> None:
            async with breaker.call():
                await gate.wait()
                raise OSError("began before the breaker was half-open")

        task = asyncio.create_task(late())
        for _ in range(5):
            await asyncio.sleep(0)
        await breaker.half_open()
        gate.set()
        await asyncio.gather(task, return_exceptions=True)
        return breaker.state

    assert asyncio.run(after()) == ("half-open" if is_enough else "open")


def test_pybreaker_does_not_see_what_a_coroutine_raises():
    async def fail() -> None:
        raise OSError("down")

    breaker = pybreaker.CircuitBreaker(fail_max=1)
    with pytest.raises(OSError, match="down"):
        asyncio.run(breaker.call(fail))
    assert breaker.current_state == "closed"


def test_staminas_switch_and_hooks_are_the_whole_processs():
    told: list[str] = []

    async def attempts() -> int:
        made = 0

        async def fail() -> None:
            nonlocal made
            made += 1
            raise OSError("down")

        caller = stamina.AsyncRetryingCaller(attempts=2, wait_initial=0, wait_jitter=0)
        with pytest.raises(OSError, match="down"):
            await caller(OSError, fail)
        return made

    stamina.instrumentation.set_on_retry_hooks([lambda details: told.append(details.name)])
    try:
        assert asyncio.run(attempts()) == 2
        assert told  # whoever instruments stamina would count an agent's retries once more
        stamina.set_active(False)
        assert asyncio.run(attempts()) == 1
    finally:
        stamina.set_active(True)
        stamina.instrumentation.set_on_retry_hooks(None)
