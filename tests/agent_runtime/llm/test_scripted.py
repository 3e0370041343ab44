# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from agent_runtime import Message, ModelResponse, Role, ToolCall, Usage
from agent_runtime.faults import delay, rate_limit, timeout
from agent_runtime.llm import Model, ScriptedModel, call_tools, say

PROMPT = (Message(Role.USER, "hello"),)


def ask(model: ScriptedModel) -> ModelResponse:
    return asyncio.run(model.complete(PROMPT, ()))


def test_it_is_a_model():
    assert isinstance(ScriptedModel(), Model)


def test_it_plays_its_steps_in_order():
    model = ScriptedModel([say("one", usage=Usage(3, 1)), say("two")])
    assert (ask(model).text, ask(model).text) == ("one", "two")
    assert list(model.requests) == [PROMPT, PROMPT]


def test_faults_strike_in_their_place():
    model = ScriptedModel([rate_limit(1.0), timeout(), say("done")])
    with pytest.raises(OSError, match="HTTP Error 429: Too Many Requests"):
        ask(model)
    with pytest.raises(TimeoutError, match="the request timed out"):
        ask(model)
    assert ask(model).text == "done"


def test_a_delay_belongs_to_the_step_after_it():
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    model = ScriptedModel([delay(2.0), say("late")], sleep=sleep)
    assert (ask(model).text, slept) == ("late", [2.0])


def test_tool_calls_carry_their_arguments_as_json():
    response = call_tools(("search", {"q": "tea"}), ("raw", "{not json"))
    assert response.tool_calls == (
        ToolCall("call_1", "search", '{"q": "tea"}'),
        ToolCall("call_2", "raw", "{not json"),
    )
    assert response.finish_reason == "tool_calls"


def test_a_script_that_has_ended_says_so():
    model = ScriptedModel(name="short")
    model.order(say("one"))
    assert model.remaining == 1
    ask(model)
    with pytest.raises(IndexError, match="ScriptedModel 'short' was called, but its script has ended"):
        ask(model)
