# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import pickle

import pytest
from support.virtual_time import run

from agent_runtime import (
    Agent,
    Budget,
    BudgetExceededError,
    InProcessMemory,
    Policy,
    Resilience,
    RetrySettings,
    Timing,
    Usage,
)
from agent_runtime.faults import FaultPlan, connection_reset, delay, timeout
from agent_runtime.llm import ScriptedModel, Step, call_tools, say
from telemetry import ErrorCode

CALL = call_tools(("wait", {"seconds": 0}), usage=Usage(60, 10))
UNLIMITED = Resilience(is_enabled=False)


async def wait(seconds: float) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return "waited"


def agent(*steps: Step, **settings) -> Agent:
    return Agent(ScriptedModel(steps), [wait], name="helper", **settings)


@pytest.mark.parametrize("limit", [0, -1, 1.5])
def test_a_limit_of_tokens_is_a_positive_whole_number(limit):
    with pytest.raises(ValueError, match=rf"max_tokens={limit!r}: allowed are whole numbers from 1"):
        Budget(max_tokens=limit)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan")])
def test_a_limit_of_time_is_positive(limit):
    with pytest.raises(ValueError, match=r"max_time_s=.*: allowed are seconds above 0"):
        Budget(max_time_s=limit)


def test_a_run_within_its_budget_is_not_touched():
    result = run(agent(CALL, say("done"), budget=Budget(max_tokens=71, max_time_s=10.0)).run("go"))
    assert result.output == "done"


def test_tokens_that_are_used_up_end_the_run_before_its_next_step(observed):
    spending = agent(CALL, CALL, say("never"), budget=Budget(max_tokens=140))
    with pytest.raises(BudgetExceededError, match=r"'helper' .* max_tokens=140: it has used 140;") as caught:
        run(spending.run("go"))
    assert (caught.value.code, caught.value.recoverable) == (ErrorCode.INTERNAL_ERROR, False)
    assert observed.errors == {("internal_error", "agent", False): 1}
    assert observed.span("invoke_agent helper").attributes["gen_ai.usage.input_tokens"] == 120


def test_an_answer_that_is_there_is_given_even_past_the_limit():
    answer = say("dear", usage=Usage(1000, 1000))
    assert run(agent(answer, budget=Budget(max_tokens=10)).run("go")).output == "dear"


def test_tokens_that_nobody_reports_use_up_nothing():
    silent = call_tools(("wait", {"seconds": 0}))
    assert run(agent(silent, say("done"), budget=Budget(max_tokens=1)).run("go")).output == "done"


SLOW = {
    "model": {"steps": (delay(20.0), say("late"))},
    "tool": {"steps": (call_tools(("wait", {"seconds": 20})), say("late"))},
    "memory": {"steps": (), "memory": InProcessMemory(faults=FaultPlan([delay(20.0)]))},
    "wait between attempts": {"steps": (connection_reset(), say("late"))},
}


@pytest.mark.parametrize("where", SLOW)
def test_time_reaches_every_call_and_is_one_error_of_the_agent(observed, where: str):
    settings = dict(SLOW[where])
    if where == "wait between attempts":
        retry = Policy(retry=RetrySettings(base_wait_s=20.0))
        settings["resilience"] = Resilience(model=retry, timing=Timing(uniform=lambda _low, high: high))
    else:
        settings["resilience"] = UNLIMITED
    hurried = agent(*settings.pop("steps"), budget=Budget(max_time_s=1.5), **settings)

    async def timed() -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(BudgetExceededError, match=r"within its budget of max_time_s=1\.5;") as caught:
            await hurried.run("go")
        assert (caught.value.code, caught.value.recoverable) == (ErrorCode.TIMEOUT, True)
        return loop.time() - started

    assert run(timed()) == pytest.approx(1.5)
    errors = dict(observed.errors)
    assert errors.pop(("timeout", "agent", True)) == 1
    assert sum(errors.values()) == (1 if where == "wait between attempts" else 0)


def test_time_ends_a_stream_too():
    told: list[object] = []

    async def read() -> None:
        async for event in agent(say("one two"), budget=Budget(max_time_s=1.5)).stream("go"):
            told.append(event)
            await asyncio.sleep(1.0)

    with pytest.raises(BudgetExceededError, match="max_time_s"):
        run(read())
    assert len(told) == 2


def test_a_models_own_timeout_error_is_not_the_budgets():
    with pytest.raises(TimeoutError, match="the request timed out"):
        run(agent(timeout(), resilience=UNLIMITED, budget=Budget(max_time_s=5.0)).run("go"))


def test_a_used_up_budget_survives_a_process_boundary():
    error = Budget(max_time_s=2.0).out_of_time("helper")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, copy.message, copy.recoverable) == (error.code, error.message, True)
