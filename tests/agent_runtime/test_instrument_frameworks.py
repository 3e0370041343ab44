# SPDX-License-Identifier: Apache-2.0
"""`instrument` around what people really use: agents and clients of other libraries, with their own fakes."""

from __future__ import annotations

import asyncio
import pickle
from typing import TypedDict

import openai
import pydantic_ai
import pytest
from langgraph.graph import END, START, StateGraph
from pydantic_ai.models.test import TestModel as FakeModel
from support.ports import free_port

from agent_runtime import instrument, uninstrument


class State(TypedDict):
    count: int


def counting(state: State) -> State:
    if state["count"] < 0:
        raise TimeoutError("below zero")
    return {"count": state["count"] + 1}


@pytest.fixture
def graph():
    builder = StateGraph(State)
    builder.add_node("counting", counting)
    builder.add_edge(START, "counting")
    builder.add_edge("counting", END)
    return instrument(builder.compile(), name="graph")


@pytest.fixture
def agent():
    return instrument(pydantic_ai.Agent(FakeModel(), name="concierge"))


@pytest.fixture
def loop():
    """An event loop for `run_sync`, which would make one and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


async def all_of(stream):
    return [item async for item in stream]


def graph_calls(graph, state):
    yield lambda: graph.invoke(state)
    yield lambda: list(graph.stream(state))
    yield lambda: asyncio.run(graph.ainvoke(state))
    yield lambda: asyncio.run(all_of(graph.astream(state)))


def test_every_way_to_run_a_langgraph_is_one_span(graph, observed):
    results = [call() for call in graph_calls(graph, {"count": 1})]

    assert results == [{"count": 2}, [{"counting": {"count": 2}}]] * 2
    assert [span.name for span in observed.spans] == ["invoke_agent graph"] * 4


def test_every_way_to_run_a_langgraph_reports_its_error_once(graph, observed):
    for call in graph_calls(graph, {"count": -1}):
        with pytest.raises(TimeoutError):
            call()

    assert observed.errors == {("timeout", "agent", True): 4}
    assert [span.status.status_code.name for span in observed.spans] == ["ERROR"] * 4


def test_every_way_to_run_a_pydantic_ai_agent_is_one_span(agent, loop, observed):
    async def streamed() -> str:
        async with agent.run_stream("hi") as result:
            return (await all_of(result.stream_text()))[-1]

    outputs = [agent.run_sync("hi").output, asyncio.run(agent.run("hi")).output, asyncio.run(streamed())]

    assert outputs == ["success (no tool calls)"] * 3
    assert isinstance(agent, pydantic_ai.Agent)
    assert [span.name for span in observed.spans] == ["invoke_agent concierge"] * 3


def test_the_official_openai_client_is_observed_sync_and_async(observed):
    where = {"api_key": "key", "base_url": f"http://127.0.0.1:{free_port()}", "max_retries": 0}

    async def ask() -> None:
        async with openai.AsyncOpenAI(**where) as client:
            completions = instrument(client.chat.completions, name="gpt-5")
            await completions.create(model="gpt-5", messages=[])

    with openai.OpenAI(**where) as client:
        completions = instrument(client.chat.completions, name="gpt-5")
        with pytest.raises(openai.APIConnectionError):
            completions.create(model="gpt-5", messages=[])
    with pytest.raises(openai.APIConnectionError):
        asyncio.run(ask())

    assert observed.errors == {("llm_error", "llm", True): 2}
    assert [span.name for span in observed.spans] == ["chat gpt-5"] * 2
    assert {span.attributes["gen_ai.provider.name"] for span in observed.spans} == {"openai"}
    assert vars(uninstrument(completions)).keys() & {"create"} == set()


def test_classes_are_pickled_as_before(agent):
    assert pickle.loads(pickle.dumps(type(agent))) is pydantic_ai.Agent
