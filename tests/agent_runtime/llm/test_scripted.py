# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from agent_runtime import Message, ModelResponse, Role, ToolCall, Usage
from agent_runtime.faults import connection_reset, delay, rate_limit, timeout
from agent_runtime.llm import Model, ScriptedModel, break_off, call_tools, say
from agent_runtime.types import ModelChunk, ToolCallDelta

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


def chunks(model: ScriptedModel) -> list[ModelChunk]:
    async def read() -> list[ModelChunk]:
        return [chunk async for chunk in model.stream([], [])]

    return asyncio.run(read())


def test_a_streamed_answer_comes_word_by_word():
    script = ScriptedModel([say("one  two ", usage=Usage(1, 2))])
    assert [chunk.text_delta for chunk in chunks(script)] == ["one", "  two", " ", ""]


def test_a_streamed_tool_call_comes_in_pieces():
    script = ScriptedModel([call_tools(("add", {"a": 1}))])
    assert [chunk.tool_calls for chunk in chunks(script)] == [
        (ToolCallDelta(0, "call_1", "add"),),
        (ToolCallDelta(0, arguments='{"a": 1}'),),
        (),
    ]


def test_a_broken_answer_is_streamed_until_its_fault():
    script = ScriptedModel([break_off("half an", connection_reset())])
    with pytest.raises(ConnectionResetError):
        chunks(script)


def test_a_broken_answer_without_a_fault_just_ends():
    assert [chunk.finish_reason for chunk in chunks(ScriptedModel([break_off("half an")]))] == [None, None]


@pytest.mark.parametrize("fault", [None, connection_reset()])
def test_a_broken_answer_that_is_not_streamed_fails(fault):
    with pytest.raises(ConnectionResetError):
        asyncio.run(ScriptedModel([break_off("half", fault)]).complete([], []))


def test_an_answer_that_breaks_off_for_a_while_goes_on():
    script = ScriptedModel([break_off("whole", delay(0.001)), break_off("whole", delay(0.001))])
    assert asyncio.run(script.complete([], [])).text == "whole"
    assert chunks(script)[-1].finish_reason == "stop"
