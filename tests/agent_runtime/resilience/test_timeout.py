# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest
from support.virtual_time import run

from agent_runtime.resilience.timeout import within


async def answer() -> str:
    return "done"


async def hang() -> str:
    await asyncio.sleep(3600)
    return "late"


async def time_out_itself() -> str:
    raise TimeoutError("the server's own")


def test_a_call_in_time_gives_its_result():
    assert run(within(1.0, answer, "llm")) == "done"


def test_without_a_limit_a_call_may_take_as_long_as_it_likes():
    assert run(within(None, hang, "llm")) == "late"


def test_a_call_that_takes_too_long_says_what_did_not_answer():
    with pytest.raises(TimeoutError, match=r"^llm did not answer within 1\.5 s$") as caught:
        run(within(1.5, hang, "llm"))
    assert caught.value.__context__ is None


def test_the_calls_own_timeout_error_stays_as_it_is():
    with pytest.raises(TimeoutError, match=r"^the server's own$"):
        run(within(1.0, time_out_itself, "llm"))


def test_a_cancellation_passes_through():
    async def cancelled() -> None:
        task = asyncio.create_task(within(60.0, hang, "llm"))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        run(cancelled())
