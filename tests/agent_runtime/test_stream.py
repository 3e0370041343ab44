# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from support.virtual_time import run

from agent_runtime import (
    Agent,
    BreakerSettings,
    Event,
    Policy,
    Resilience,
    RetrySettings,
    RunResult,
    TextDelta,
    Timing,
    ToolCall,
    ToolResult,
    Usage,
)
from agent_runtime.faults import connection_reset, delay, rate_limit, server_error
from agent_runtime.llm import ScriptedModel, Step, StreamingModel, break_off, call_tools, say
from telemetry import CircuitState, KairosError

RESET = ("llm_error", "llm", True)
NO_RETRY = Resilience(model=Policy(retry=None))


async def search(query: str) -> str:
    """Search."""
    return f"about {query}"


def agent(*steps: Step, **settings) -> Agent:
    settings.setdefault("resilience", Resilience(timing=Timing(uniform=lambda _low, high: high)))
    return Agent(ScriptedModel(steps, name="atlas"), name="helper", **settings)


async def collect(streamed: Agent, prompt: str = "hi") -> list[Event]:
    return [event async for event in streamed.stream(prompt)]


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


class Whole:
    """A model that cannot stream."""

    name = "whole"
    provider = "test"

    def __init__(self, *steps: Step) -> None:
        self.complete = ScriptedModel(steps).complete


# -- events ------------------------------------------------------------------------------------


def test_text_arrives_in_pieces_and_the_result_at_the_end():
    events = run(collect(agent(say("one two", usage=Usage(3, 2)))))
    assert events[:-1] == [TextDelta("one", 1), TextDelta(" two", 1)]
    result = events[-1]
    assert isinstance(result, RunResult)
    assert (result.output, result.usage, result.iterations) == ("one two", Usage(3, 2), 1)


def test_tool_calls_and_their_results_are_events():
    called = call_tools(("search", {"query": "tea"}), ("search", {"query": "milk"}), text="Looking.")
    events = run(collect(agent(called, say("Done."), tools=[search])))
    assert events[0] == TextDelta("Looking.", 1)
    assert events[1:3] == [
        ToolCall("call_1", "search", '{"query": "tea"}'),
        ToolCall("call_2", "search", '{"query": "milk"}'),
    ]
    assert sorted(events[3:5], key=lambda result: result.call_id) == [
        ToolResult("call_1", "search", "about tea"),
        ToolResult("call_2", "search", "about milk"),
    ]
    assert events[5] == TextDelta("Done.", 2)
    assert isinstance(events[6], RunResult)


def test_stream_and_run_come_to_the_same():
    steps = (
        call_tools(("search", {"query": "tea"}), usage=Usage(5, 1)),
        say("It is hot.", usage=Usage(9, 4)),
    )
    streamed = run(collect(agent(*steps, tools=[search], new_id=lambda: "1")))[-1]
    assert streamed == run(agent(*steps, tools=[search], new_id=lambda: "1").run("hi"))


def test_a_model_that_cannot_stream_gives_its_text_in_one_piece(observed):
    assert not isinstance(Whole(), StreamingModel)
    events = run(collect(Agent(Whole(say("one two")))))
    assert events[0] == TextDelta("one two", 1)
    assert "gen_ai.request.stream" not in observed.span("chat whole").attributes


def test_an_answer_without_text_is_no_event():
    assert [type(event) for event in run(collect(agent(say(""))))] == [RunResult]


# -- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (break_off("half an", connection_reset()), ConnectionResetError),
        (break_off("half an"), KairosError),
    ],
    ids=["reset", "cut off"],
)
def test_an_error_after_the_first_text_ends_the_run_and_is_counted_once(observed, step: Step, error):
    events: list[Event] = []

    async def read() -> None:
        async for event in agent(step, say("never asked for")).stream("hi"):
            events.append(event)  # noqa: PERF401 - what came before the error matters

    with pytest.raises(error, match=r"reset by peer|before the answer was complete"):
        run(read())
    assert text(events) == "half an"
    assert observed.errors == {RESET: 1}
    assert observed.recovered == {}
    for name in ("chat atlas", "invoke_agent helper"):
        assert observed.span(name).status.status_code is StatusCode.ERROR


def test_a_fallback_does_not_take_over_in_the_middle(observed):
    fallback = ScriptedModel([say("other")], name="small")
    resilience = Resilience(model=Policy(retry=None), fallback_models=(fallback,))
    with pytest.raises(ConnectionResetError, match="reset by peer"):
        run(collect(agent(break_off("half", connection_reset()), resilience=resilience)))
    assert fallback.remaining == 1


@pytest.mark.parametrize("fault", [rate_limit(1.0), server_error(529), connection_reset()])
def test_an_error_before_any_text_is_retried_and_recovered(observed, fault):
    assert text(run(collect(agent(fault, say("fine"))))) == "fine"
    assert observed.errors == observed.recovered
    assert sum(observed.errors.values()) == 1
    assert observed.span("chat atlas").status.status_code is StatusCode.UNSET


def test_tool_calls_alone_do_not_forbid_another_attempt(observed):
    # A call is told only when its answer is complete, so nothing has to be taken back.
    cut = break_off("")
    events = run(collect(agent(cut, say("fine"))))
    assert text(events) == "fine"
    assert observed.recovered == {RESET: 1}


def test_a_fallback_takes_over_before_any_text(observed):
    resilience = Resilience(model=Policy(retry=None), fallback_models=(Whole(say("small")),))
    assert text(run(collect(agent(connection_reset(), resilience=resilience)))) == "small"
    assert observed.recovered == {RESET: 1}


def test_streams_open_the_breaker(observed):
    resilience = Resilience(model=Policy(retry=None, breaker=BreakerSettings(failure_threshold=1)))
    with pytest.raises(KairosError):
        run(collect(agent(break_off("half"), resilience=resilience)))
    assert observed.circuit["llm"] is CircuitState.OPEN


# -- time --------------------------------------------------------------------------------------


def test_the_timeout_is_for_the_whole_answer_of_the_model(observed):
    slow_model = ScriptedModel([break_off("half", delay(61.0))])
    with pytest.raises(TimeoutError, match="llm did not answer within 60 s"):
        run(collect(Agent(slow_model)))
    assert observed.errors == {("timeout", "llm", True): 1}


def test_a_reader_that_takes_its_time_is_no_timeout_of_the_model(observed):
    async def read() -> str:
        said = ""
        async for event in agent(say("one two three")).stream("hi"):
            await asyncio.sleep(50.0)
            said += event.text if isinstance(event, TextDelta) else ""
        return said

    assert run(read()) == "one two three"
    assert observed.errors == {}


def test_the_run_waits_for_its_reader():
    async def read() -> int:
        model = ScriptedModel([call_tools(("search", {"query": "a"}), text="Looking."), say("Done.")])
        async with aclosing(Agent(model, [search]).stream("hi")) as events:
            await anext(events)
            await asyncio.sleep(10.0)
            return model.remaining

    assert run(read()) == 1


# -- leaving early -----------------------------------------------------------------------------


def test_closing_early_is_no_error(observed):
    async def read() -> None:
        async with aclosing(agent(say("one two three")).stream("hi")) as events:
            assert await anext(events) == TextDelta("one", 1)

    run(read())
    assert observed.errors == {}
    for name in ("chat atlas", "invoke_agent helper"):
        assert observed.span(name).status.status_code is StatusCode.UNSET


def test_cancelling_the_reader_is_no_error(observed):
    async def read() -> None:
        task = asyncio.create_task(collect(agent(delay(3600.0), say("never"))))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(read())
    assert observed.errors == {}
    assert [span.name for span in observed.spans] == ["invoke_agent helper", "chat atlas"]


def test_a_stream_that_is_never_read_does_nothing(observed):
    async def make() -> None:
        await agent(say("never")).stream("hi").aclose()

    run(make())
    assert observed.spans == []


# -- spans -------------------------------------------------------------------------------------


def test_one_chat_span_covers_the_stream_with_its_facts(observed):
    answer = say("one two", usage=Usage(9, 4, 5, 2, 1))
    run(collect(agent(connection_reset(), answer)))
    attributes = observed.span("chat atlas").attributes
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.response.time_to_first_chunk"] >= 0
    assert attributes["gen_ai.usage.input_tokens"] == 9
    assert attributes["gen_ai.usage.output_tokens"] == 4
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 5
    assert attributes["gen_ai.usage.cache_creation.input_tokens"] == 2
    assert attributes["gen_ai.usage.reasoning.output_tokens"] == 1
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_the_runs_spans_are_never_the_readers_current_span(observed):
    async def read() -> None:
        tracer = trace.get_tracer("reader")
        with tracer.start_as_current_span("reader") as mine:
            async for _ in agent(say("one two")).stream("hi"):
                assert trace.get_current_span() is mine

    run(read())
    reader = observed.span("reader").context.span_id
    assert observed.span("invoke_agent helper").parent.span_id == reader


def test_concurrent_streams_count_exactly(observed):
    async def read_all() -> list[list[Event]]:
        steps = [step for _ in range(50) for step in (connection_reset(), say("one two"))]
        # Which stream gets which step is up to chance: in the worst case one gets all the resets.
        policy = Policy(breaker=None, retry=RetrySettings(max_attempts=51))
        shared = Agent(ScriptedModel(steps), resilience=Resilience(model=policy))
        return await asyncio.gather(*(collect(shared) for _ in range(50)))

    assert [text(events) for events in run(read_all())] == ["one two"] * 50
    assert observed.errors == observed.recovered == {RESET: 50}
