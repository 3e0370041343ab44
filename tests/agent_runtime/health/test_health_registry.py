# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from support import virtual_time
from support.waiting import wait_for

from agent_runtime import Agent, BreakerSettings
from agent_runtime.health import HealthRegistry
from agent_runtime.llm import ScriptedModel, say
from agent_runtime.resilience import CircuitBreaker
from telemetry import HealthStatus

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Seconds that pass by hand, or with the running loop's virtual time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return self.now

    def date(self) -> datetime:
        return START + timedelta(seconds=self())


def registry() -> HealthRegistry:
    clock = Clock()
    return HealthRegistry(clock=clock, now=clock.date)


def check_of(results: str):
    """A check with these results, then the last one for ever; and when it was called."""
    called: list[float] = []

    async def check() -> bool:
        called.append(asyncio.get_running_loop().time())
        return results[min(len(called), len(results)) - 1] == "+"

    return check, called


def entry(health: HealthRegistry, name: str = "llm") -> dict:
    return health.report()["components"][name]


async def hang() -> None:
    await asyncio.Event().wait()


def test_checks_run_at_their_own_intervals_in_the_background(observed):
    async def main():
        health = registry()
        quick, quick_called = check_of("+")
        slow, slow_called = check_of("+")
        health.add("llm", quick, interval_s=10)
        health.add("memory", slow, interval_s=25)
        async with health:
            await asyncio.sleep(51)
        await asyncio.sleep(100)
        return quick_called, slow_called

    quick, slow = virtual_time.run(main())
    assert quick == pytest.approx([0, 10, 20, 30, 40, 50])
    assert slow == pytest.approx([0, 25, 50])
    assert observed.health == {"llm": HealthStatus.HEALTHY, "memory": HealthStatus.HEALTHY}


def test_failures_in_a_row_make_it_unhealthy_and_successes_healthy_again(observed):
    async def main():
        health = registry()
        health.add("llm", check_of("+---+++")[0], failures=3, successes=2)
        seen = []
        for _ in range(6):
            await health.check("llm")
            seen.append((entry(health)["status"], observed.health["llm"].name.lower()))
        return seen

    words = ["healthy", "degraded", "degraded", "unhealthy", "degraded", "healthy"]
    assert virtual_time.run(main()) == [(word, word) for word in words]


def test_a_check_that_takes_too_long_is_a_failure_with_its_latency():
    async def main():
        health = registry()
        health.add("llm", hang, timeout_s=2)
        await health.check()
        return entry(health)

    told = virtual_time.run(main())
    assert told["status"] == "degraded"
    assert told["latency_s"] == pytest.approx(2)
    assert told["last_error"] == {
        "type": "TimeoutError",
        "code": "timeout",
        "message": "the check did not end within timeout_s=2",
        "at": "2026-01-01T00:00:02+00:00",
    }


def test_a_timeout_of_the_check_itself_keeps_its_message():
    async def main():
        async def check():
            raise TimeoutError("the socket")

        health = registry()
        health.add("llm", check)
        await health.check()
        return entry(health)["last_error"]["message"]

    assert virtual_time.run(main()) == "the socket"


def test_a_cancellation_inside_of_a_check_is_its_failure_and_does_not_end_the_checking():
    async def main():
        async def check():
            raise asyncio.CancelledError

        health = registry()
        health.add("llm", check, interval_s=1, failures=3)
        async with health:
            await asyncio.sleep(5.5)
            return entry(health)

    told = virtual_time.run(main())
    assert told["status"] == "unhealthy"
    assert told["last_error"]["message"] == "what the check awaited was cancelled"


def test_cancelling_the_registry_cancels_a_check_under_way():
    async def main():
        health = registry()
        health.add("llm", hang, timeout_s=1000)
        async with health:
            await asyncio.sleep(1)
        return entry(health)["checked_at"], len(asyncio.all_tasks())

    assert virtual_time.run(main()) == (None, 1)


def test_the_report_is_json_and_says_since_when():
    async def main():
        health = registry()
        health.add("llm", check_of("++---")[0], interval_s=10, failures=3)
        health.add("memory", check_of("+")[0], interval_s=10, is_required=False)
        async with health:
            await asyncio.sleep(45)
            return json.loads(json.dumps(health.report()))

    told = virtual_time.run(main())
    assert told["status"] == "unhealthy"
    assert list(told["components"]) == ["llm", "memory"]
    assert told["components"]["llm"]["since"] == "2026-01-01T00:00:40+00:00"
    assert told["components"]["memory"] == {
        "status": "healthy",
        "since": "2026-01-01T00:00:00+00:00",
        "is_required": False,
        "checked_at": "2026-01-01T00:00:40+00:00",
        "latency_s": 0.0,
        "last_error": None,
        "circuit": None,
    }


def test_what_was_not_checked_yet_is_unknown_and_not_ready():
    health = registry()
    assert health.report() == {"status": "unknown", "components": {}}
    health.add("llm", hang)
    assert entry(health)["status"] == "unknown"
    assert (health.is_healthy(), health.is_ready()) == (True, False)


def test_a_component_that_is_not_required_makes_nothing_unready():
    async def main():
        health = registry()
        health.add("llm", check_of("+")[0])
        health.add("extra", check_of("-")[0], failures=1, is_required=False)
        await health.check()
        return health.report()["status"], health.is_healthy(), health.is_ready()

    assert virtual_time.run(main()) == ("unhealthy", True, True)


def test_an_open_breaker_makes_its_component_unhealthy_whatever_the_check_says(observed):
    clock = Clock()
    breaker = CircuitBreaker(
        BreakerSettings(failure_threshold=1, success_threshold=1, open_s=30), clock=lambda: clock.now
    )
    health = HealthRegistry(now=lambda: START)
    health.add("llm", lambda: True)
    health.watch({"llm": breaker})
    assert entry(health)["status"] == "unknown"  # a closed breaker says nothing before the first check
    asyncio.run(health.check())
    assert (entry(health)["status"], entry(health)["circuit"]) == ("healthy", "closed")
    breaker.enter().failed()
    assert (entry(health)["status"], entry(health)["circuit"]) == ("unhealthy", "open")
    assert observed.health["llm"] is HealthStatus.UNHEALTHY
    asyncio.run(health.check())  # the check works, the breaker is still open
    assert observed.health["llm"] is HealthStatus.UNHEALTHY
    assert (health.is_healthy(), health.is_ready()) == (False, False)
    clock.now = 31.0
    assert entry(health)["status"] == "degraded"  # calls may try again: they must be let in
    permit = breaker.enter()
    assert entry(health)["circuit"] == "half_open"
    permit.succeeded()
    assert observed.health["llm"] is HealthStatus.HEALTHY


def test_the_worse_of_check_and_breaker_counts(observed):
    breaker = CircuitBreaker(BreakerSettings())
    health = registry()
    health.add("llm", lambda: False, failures=1)
    health.watch({"llm": breaker})
    asyncio.run(health.check())
    breaker.announce()
    assert observed.health["llm"] is HealthStatus.UNHEALTHY


def test_the_breakers_of_an_agent_are_taken_as_they_are():
    agent = Agent(ScriptedModel([say("hello")]), name="one")
    health = registry()
    health.watch(agent.breakers)
    assert entry(health, "llm") | {"since": ""} == {
        "status": "healthy",
        "since": "",
        "is_required": True,
        "checked_at": None,
        "latency_s": None,
        "last_error": None,
        "circuit": "closed",
    }


def test_a_component_may_be_watched_before_it_has_a_check():
    health = registry()
    health.watch({"llm": CircuitBreaker(BreakerSettings())})
    assert health.is_ready()
    health.add("llm", hang)
    assert not health.is_ready()


def test_what_calls_say_is_one_more_opinion(observed):
    breaker = CircuitBreaker(BreakerSettings())
    health = registry()
    health.set_health("llm", HealthStatus.UNHEALTHY)
    assert observed.health["llm"] is HealthStatus.UNHEALTHY
    health.watch({"llm": breaker})  # which knows better when its time is over
    assert observed.health["llm"] is HealthStatus.DEGRADED
    health.set_health("llm", HealthStatus.HEALTHY)
    assert observed.health["llm"] is HealthStatus.HEALTHY


def test_without_an_event_loop_it_runs_in_a_thread():
    done = threading.Event()
    health = HealthRegistry()
    health.add("llm", done.set)
    with health:
        wait_for(lambda: entry(health)["status"] == "healthy", what="the first check")
        assert "kairos-health" in [thread.name for thread in threading.enumerate()]
    assert "kairos-health" not in [thread.name for thread in threading.enumerate()]


def test_leaving_without_entering_does_nothing():
    health = registry()
    health.__exit__(None, None, None)
    asyncio.run(health.__aexit__(None, None, None))


def test_a_long_error_is_cut_in_the_report():
    def check():
        raise ValueError("x" * 1000)

    health = registry()
    health.add("llm", check)
    asyncio.run(health.check())
    assert len(entry(health)["last_error"]["message"]) == 300


def test_a_secret_in_an_error_is_masked_in_the_report():
    def check():
        raise ConnectionError("postgres://me:hunter2@db is down, api_key=hunter3")

    health = registry()
    health.add("db", check)
    asyncio.run(health.check())
    assert entry(health, "db")["last_error"]["message"] == "postgres://me:***@db is down, api_key=***"


@pytest.mark.parametrize("setting", ["interval_s", "timeout_s"])
def test_times_must_be_positive(setting):
    with pytest.raises(ValueError, match=f"{setting}=0: allowed are numbers above 0"):
        registry().add("llm", hang, **{setting: 0})


def test_a_component_has_one_check():
    health = registry()
    health.add("llm", hang)
    with pytest.raises(ValueError, match="component='llm' has a check already"):
        health.add("llm", hang)


def test_what_has_no_check_cannot_be_checked():
    with pytest.raises(KeyError, match="'tool' has no check; those that have: none"):
        asyncio.run(registry().check("tool"))
