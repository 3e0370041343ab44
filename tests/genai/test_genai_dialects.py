# SPDX-License-Identifier: Apache-2.0
"""Each dialect's spans become the same normal form."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode

from telemetry.genai.reading import call_of

CHAT = {
    "official 1.41": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.response.id": "r1",
    },
    "official 1.30": {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.response.id": "r1",
        "gen_ai.finish_reason": "stop",
    },
    "official 1.27": {
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.prompt_tokens": 11,
        "gen_ai.usage.completion_tokens": 3,
        "gen_ai.response.id": "r1",
    },
    "openinference": {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.model_name": "gpt-4o-2024-08-06",
        "llm.invocation_parameters": '{"model": "gpt-4o", "temperature": 0}',
        "llm.token_count.prompt": 11,
        "llm.token_count.completion": 3,
        "gen_ai.response.id": "r1",
    },
    "traceloop 0.40": {
        "llm.request.type": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.prompt_tokens": 11,
        "gen_ai.usage.completion_tokens": 3,
        "gen_ai.response.id": "r1",
    },
    "traceloop 0.10": {
        "llm.request.type": "chat",
        "llm.vendor": "openai",
        "llm.request.model": "gpt-4o",
        "llm.response.model": "gpt-4o-2024-08-06",
        "llm.usage.prompt_tokens": 11,
        "llm.usage.completion_tokens": 3,
        "llm.response.id": "r1",
    },
}


def finished(attributes, scope="somebody's", name="call", status=None, exception=None):
    span = TracerProvider(shutdown_on_exit=False).get_tracer(scope).start_span(name, attributes=attributes)
    if exception is not None:
        span.record_exception(exception)
    if status is not None:
        span.set_status(StatusCode.ERROR, status)
    span.end()
    return span._readable_span()


@pytest.mark.parametrize("dialect", CHAT)
def test_a_chat_is_the_same_in_every_dialect(dialect):
    call = call_of(finished(CHAT[dialect]))

    assert call.kind == "llm"
    assert call.operation == "chat"
    assert call.models == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (call.provider, call.input_tokens, call.output_tokens) == ("openai", 11, 3)
    assert (call.response_id, call.subject, call.error, call.parent_id) == ("r1", None, None, None)
    assert call.seconds >= 0


OTHERS = {
    "official tool": ({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "x"}, "tool", "x"),
    "official agent": ({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "x"}, "agent", "x"),
    "official workflow": (
        {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "x"},
        "agent",
        "x",
    ),
    "official embeddings": ({"gen_ai.operation.name": "embeddings"}, "llm", None),
    "official tool without operation": ({"gen_ai.tool.name": "x"}, "tool", "x"),
    "openinference tool": ({"openinference.span.kind": "TOOL", "tool.name": "x"}, "tool", "x"),
    "openinference tool by span name": ({"openinference.span.kind": "TOOL"}, "tool", "call"),
    "openinference retriever": ({"openinference.span.kind": "RETRIEVER"}, "memory", "call"),
    "openinference chain": ({"openinference.span.kind": "CHAIN"}, "agent", "call"),
    "traceloop tool": ({"traceloop.span.kind": "tool", "traceloop.entity.name": "x"}, "tool", "x"),
    "traceloop workflow": ({"traceloop.span.kind": "workflow", "traceloop.entity.name": "x"}, "agent", "x"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_kinds_are_recognised(case):
    attributes, kind, subject = OTHERS[case]
    call = call_of(finished(attributes))

    assert (call.kind, call.subject) == (kind, subject)
    assert call.models == (None, None)


def test_pydantic_ai_agents_of_older_formats_are_told_by_their_name_alone():
    attributes = {"agent_name": "concierge", "model_name": "gpt-4o"}

    assert call_of(finished(attributes, scope="pydantic-ai")).subject == "concierge"
    assert call_of(finished(attributes, scope="somebody else")) is None


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"gen_ai.operation.name": "something new", "gen_ai.request.model": "m"},
        {"openinference.span.kind": "UNKNOWN"},
        {"gen_ai.operation.name": 3},
        {"gen_ai.system": "openai"},
    ],
)
def test_what_no_dialect_knows_is_no_call(attributes):
    assert call_of(finished(attributes)) is None


@pytest.mark.parametrize("parameters", ["{", "[]", '{"model": 3}', '{"model": "' + "m" * 9000 + '"}'])
def test_parameters_that_name_no_model_are_passed_over(parameters):
    attributes = {"openinference.span.kind": "LLM", "llm.invocation_parameters": parameters}

    assert call_of(finished(attributes)).models == (None, None)


def test_numbers_that_are_none_are_passed_over():
    attributes = {**CHAT["official 1.41"], "gen_ai.usage.input_tokens": "many", "server.port": -1}
    call = call_of(finished(attributes))

    assert call.input_tokens is None
    assert call.server == (None, None)


def test_an_error_is_what_the_exception_event_says():
    span = finished(CHAT["official 1.41"], status="ValueError: no", exception=ValueError("no"))

    assert call_of(span).error[:3] == ("ValueError", "no", None)


def test_an_error_without_an_event_is_what_type_and_status_say():
    attributes = {**CHAT["official 1.41"], "error.type": "429", "http.response.status_code": 429}
    span = finished(attributes, status="slow down")

    assert call_of(span).error == ("429", "slow down", 429, None)


def test_an_error_type_alone_is_an_error():
    attributes = {"gen_ai.operation.name": "execute_tool", "error.type": "tool_error"}

    assert call_of(finished(attributes)).error == ("tool_error", None, None, None)


def test_events_that_are_no_exceptions_are_passed_over():
    span = (
        TracerProvider(shutdown_on_exit=False)
        .get_tracer("s")
        .start_span("x", attributes=CHAT["openinference"])
    )
    span.add_event("gen_ai.choice", {"exception.type": "no"})
    span.add_event("exception")
    span.set_status(StatusCode.ERROR)
    span.end()

    assert call_of(span._readable_span()).error == (None, None, None, None)
