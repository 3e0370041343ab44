# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from agent_runtime import faults
from agent_runtime.faults import Fault, FaultPlan
from telemetry import ErrorCode, classify, retry_after


def raised_by(fault: Fault, slept: list[float] | None = None) -> Exception:
    async def sleep(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what the tests ask
        asyncio.run(faults.strike(fault, sleep))
    return caught.value


@pytest.mark.parametrize(
    ("fault", "code", "is_recoverable"),
    [
        (faults.rate_limit(), ErrorCode.RATE_LIMIT, True),
        (faults.timeout(), ErrorCode.TIMEOUT, True),
        (faults.server_error(), ErrorCode.LLM_ERROR, True),
        (faults.server_error(503), ErrorCode.LLM_ERROR, True),
        (faults.server_error(529), ErrorCode.LLM_ERROR, True),
        (faults.connection_reset(), ErrorCode.LLM_ERROR, True),
        (faults.unauthorized(), ErrorCode.UNAUTHORIZED, False),
        (faults.not_found(), ErrorCode.NOT_FOUND, False),
        (faults.bad_request(), ErrorCode.INVALID_INPUT, False),
        (faults.malformed_reply(), ErrorCode.INVALID_INPUT, False),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else str(value),
)
def test_each_fault_is_classified_as_the_real_thing(fault: Fault, code: ErrorCode, is_recoverable: bool):
    assert tuple(classify(raised_by(fault), "llm")) == (code, "llm", is_recoverable)


def test_a_rate_limit_says_when_to_come_back():
    assert retry_after(raised_by(faults.rate_limit(2.5))) == 2.5


def test_every_strike_is_a_new_exception():
    fault = faults.connection_reset()
    assert raised_by(fault) is not raised_by(fault)


def test_a_timeout_takes_its_time_first():
    slept: list[float] = []
    raised_by(faults.timeout(30.0), slept)
    assert slept == [30.0]


def test_a_plan_strikes_call_by_call_and_then_never():
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def play() -> list[str]:
        plan = FaultPlan([faults.timeout()], sleep=sleep)
        plan.order(None, faults.delay(3.0))
        seen = []
        while plan.remaining:
            try:
                await plan.next()
                seen.append("worked")
            except TimeoutError:
                seen.append("failed")
        await plan.next()
        return seen

    assert asyncio.run(play()) == ["failed", "worked", "worked"]
    assert slept == [3.0]
