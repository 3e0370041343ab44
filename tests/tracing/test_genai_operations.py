# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

import telemetry

DEV = pytest.mark.kairos(semconv_gen_ai="dev")


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def points(kairos, prefix: str = "gen_ai.") -> dict[str, list]:
    found: dict[str, list] = {}
    for point in kairos.metrics():
        if point.name.startswith(prefix):
            found.setdefault(point.name, []).append(point)
    return found


def bounds(kairos, name: str) -> list[float]:
    return next(
        list(point.explicit_bounds)
        for resource in kairos._metrics.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    )


def test_a_run_of_an_agent(kairos):
    with telemetry.invoke_agent("planner", **{"gen_ai.conversation.id": "c"}) as run:
        assert trace.get_current_span() is run.span

    span = kairos.assert_span(
        "invoke_agent planner",
        status="unset",
        attributes={
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "planner",
            "gen_ai.conversation.id": "c",
        },
    )
    assert span.kind is SpanKind.INTERNAL
    (duration,) = points(kairos)["gen_ai.invoke_agent.duration"]
    assert duration.attributes == {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    assert (duration.unit, duration.count) == ("s", 1)
    assert bounds(kairos, duration.name) == [0.1 * 2**n for n in range(13)]


def test_a_call_of_a_tool(kairos):
    with telemetry.execute_tool("search", call_id="c1"):
        pass

    span = kairos.span("execute_tool search")
    assert span.kind is SpanKind.INTERNAL
    (duration,) = points(kairos)["gen_ai.execute_tool.duration"]
    assert duration.attributes == {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    assert bounds(kairos, duration.name) == [0.01 * 2**n for n in range(14)]


def test_a_tool_call_without_an_id_has_none(kairos):
    with telemetry.execute_tool("search"):
        pass

    assert "gen_ai.tool.call.id" not in kairos.span("execute_tool search").attributes


def call_model() -> None:
    attributes = {"server.address": "api.example", "server.port": 443, "gen_ai.request.stream": True}
    with telemetry.chat("gpt", provider="openai", **attributes) as call:
        call.first_chunk()
        call.first_chunk()
        call.response(
            model="gpt-1",
            response_id="r1",
            finish_reasons=["stop"],
            input_tokens=10,
            output_tokens=3,
            cache_read_tokens=4,
            cache_creation_tokens=5,
            reasoning_tokens=1,
        )
        call.set({"gen_ai.conversation.id": "c"})


LABELS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt",
    "gen_ai.response.model": "gpt-1",
    "server.address": "api.example",
    "server.port": 443,
}


def test_a_call_of_a_model_is_a_client_span(kairos):
    call_model()

    span = kairos.assert_span(
        "chat gpt",
        attributes={
            **LABELS,
            "gen_ai.response.id": "r1",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 3,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.cache_creation.input_tokens": 5,
            "gen_ai.usage.reasoning.output_tokens": 1,
            "gen_ai.conversation.id": "c",
        },
        status="unset",
    )
    assert span.kind is SpanKind.CLIENT
    assert 0 <= span.attributes["gen_ai.response.time_to_first_chunk"] < 10


def test_the_metrics_of_a_model_call(kairos):
    call_model()

    found = points(kairos)
    assert set(found) == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    }
    for name in ("gen_ai.client.operation.duration", "gen_ai.client.operation.time_to_first_chunk"):
        assert [point.attributes for point in found[name]] == [LABELS]
        assert bounds(kairos, name) == [0.01 * 2**n for n in range(14)]
    tokens = {point.attributes["gen_ai.token.type"]: point for point in found["gen_ai.client.token.usage"]}
    assert {kind: point.value for kind, point in tokens.items()} == {"input": 10, "output": 3}
    assert tokens["input"].attributes == {**LABELS, "gen_ai.token.type": "input"}
    assert tokens["input"].unit == "{token}"
    assert bounds(kairos, "gen_ai.client.token.usage") == [4**n for n in range(14)]


@DEV
def test_the_metrics_of_a_model_call_in_the_next_release(kairos):
    call_model()

    found = points(kairos)
    assert {name: each.value for name, (each,) in found.items() if "tokens" in name} == {
        "gen_ai.client.inference.operation.input_tokens": 10,
        "gen_ai.client.inference.operation.output_tokens": 3,
        "gen_ai.client.inference.usage.input_tokens": 10,
        "gen_ai.client.inference.usage.output_tokens": 3,
    }
    assert {name for name in found if "tokens" not in name} == {
        "gen_ai.client.inference.duration",
        "gen_ai.client.inference.time_to_first_chunk",
    }
    assert all(point.attributes == LABELS for each in found.values() for point in each)
    kairos.assert_span("chat gpt", attributes={"gen_ai.usage.cache_write.input_tokens": 5})


@pytest.mark.kairos(semconv="kairos")
def test_without_official_names_there_are_no_official_metrics(kairos):
    call_model()

    assert points(kairos) == {}
    assert "gen_ai.provider.name" not in kairos.span("chat gpt").attributes


def test_tokens_that_the_provider_did_not_report_are_not_made_up(kairos):
    with telemetry.chat("gpt", provider="openai") as call:
        call.response(output_tokens=3)

    (usage,) = points(kairos)["gen_ai.client.token.usage"]
    assert usage.attributes["gen_ai.token.type"] == "output"
    assert "gen_ai.usage.input_tokens" not in kairos.span("chat gpt").attributes


def test_a_call_that_is_not_streamed_has_no_time_to_first_chunk(kairos):
    with telemetry.chat("gpt", provider="openai"):
        pass

    assert "gen_ai.client.operation.time_to_first_chunk" not in points(kairos)


@pytest.mark.parametrize(
    ("make", "component"),
    [
        (lambda: telemetry.chat("m", provider="p"), "llm"),
        (lambda: telemetry.execute_tool("t"), "tool"),
        (lambda: telemetry.invoke_agent("a"), "agent"),
    ],
)
def test_a_failed_operation_has_its_error_on_span_and_duration(kairos, make, component):
    with pytest.raises(KeyError), make():
        raise KeyError("x")

    (span,) = kairos.spans
    assert span.attributes["error.type"] == "KeyError"
    assert span.attributes["component"] == component
    assert span.status.status_code.name == "ERROR"
    ((duration,),) = points(kairos).values()
    assert duration.attributes["error.type"] == "KeyError"
    kairos.assert_error(component=component, count=1)


def test_the_tokens_of_a_failed_call_have_no_error_type(kairos):
    call = telemetry.chat("m", provider="p")

    def fail() -> None:
        call.response(input_tokens=1)
        raise KeyError("x")

    with pytest.raises(KeyError), call:
        fail()

    (usage,) = points(kairos)["gen_ai.client.token.usage"]
    assert "error.type" not in usage.attributes


def test_a_cancelled_operation_has_no_error(kairos):
    with pytest.raises(asyncio.CancelledError), telemetry.execute_tool("t"):
        raise asyncio.CancelledError

    ((duration,),) = points(kairos).values()
    assert "error.type" not in duration.attributes
    kairos.assert_no_errors()


def test_an_operation_is_an_async_block_too(kairos):
    async def main() -> None:
        async with telemetry.invoke_agent("a"), telemetry.chat("m", provider="p"):
            pass

    asyncio.run(main())

    assert kairos.span("chat m").parent.span_id == kairos.span("invoke_agent a").context.span_id


def test_attributes_may_be_set_before_the_block(kairos):
    call = telemetry.execute_tool("t")
    call.set({"gen_ai.tool.type": "function"})
    with call:
        pass

    kairos.assert_span("execute_tool t", attributes={"gen_ai.tool.type": "function"})


def test_an_operation_without_a_subject_is_named_by_its_kind(kairos):
    with telemetry.invoke_agent(""):
        pass

    assert kairos.spans[0].name == "invoke_agent"


@pytest.mark.kairos(capture_content="both")
def test_nothing_that_is_handed_over_raises_into_the_agent(kairos):
    odd = Unprintable()
    with telemetry.chat("m", provider="p", **{"server.address": odd}) as call:
        call.set({"a": odd})
        call.set(5)
        call.content(input_messages=odd)
        call.response(model=odd, finish_reasons=5, input_tokens="many", output_tokens=-1)
        call.response(model=odd, input_tokens="many", output_tokens=-1)

    kairos.assert_span("chat m", status="unset")
    kairos.assert_no_errors()


def test_nothing_raises_without_a_pipeline_either():
    call = telemetry.execute_tool("t")
    call.set(5)
    with call:
        call.content(arguments={})

    assert not call.span.is_recording()
