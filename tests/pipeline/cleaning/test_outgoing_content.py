# SPDX-License-Identifier: Apache-2.0
"""What people and models say leaves the process only where `capture_content` allows it, whoever wrote it."""

from __future__ import annotations

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan

from telemetry.config import load_config
from telemetry.exporters.sdk_logs import ReadableLogRecord
from telemetry.pipeline.cleaning.outgoing import Outgoing

SAID = "what the patient told"
OFFICIAL = dict.fromkeys(
    (
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.tool.definitions",
        "gen_ai.retrieval.query.text",
        "gen_ai.prompt",
        "gen_ai.completion",
    ),
    SAID,
)
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "input.value": SAID,
    "output.value": SAID,
    "llm.input_messages.0.message.content": SAID,
    "llm.input_messages.0.message.role": "user",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": SAID,
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "search",
    "retrieval.documents.0.document.content": SAID,
    "retrieval.documents.0.document.score": 0.5,
    "llm.token_count.prompt": 12,
}
TRACELOOP = {
    "traceloop.span.kind": "tool",
    "traceloop.entity.name": "search",
    "traceloop.entity.input": SAID,
    "traceloop.entity.output": SAID,
    "gen_ai.prompt.0.content": SAID,
    "gen_ai.prompt.0.role": "user",
    "gen_ai.completion.0.content": SAID,
    "gen_ai.completion.0.finish_reason": "stop",
    "gen_ai.completion.0.tool_calls.0.arguments": SAID,
    "llm.request.functions.0.parameters": SAID,
    "llm.request.functions.0.name": "search",
}
PYDANTIC_AI = {
    "agent_name": "doctor",
    "final_result": SAID,
    "pydantic_ai.all_messages": SAID,
    "all_messages_events": SAID,
}
PYDANTIC_AI_TOOL = {"gen_ai.tool.name": "search", "tool_arguments": SAID, "tool_response": SAID}
PYDANTIC_AI_MODEL = {"model_request_parameters": "{}", "events": SAID, "gen_ai.request.model": "m"}
DIALECTS = {
    "official": OFFICIAL,
    "openinference": OPENINFERENCE,
    "traceloop": TRACELOOP,
    "pydantic-ai agent": PYDANTIC_AI,
    "pydantic-ai tool": PYDANTIC_AI_TOOL,
    "pydantic-ai model": PYDANTIC_AI_MODEL,
}


def stage(capture_content: str) -> Outgoing:
    return Outgoing(load_config(capture_content=capture_content), lambda *_: None)


def span(attributes=None, events=()) -> ReadableSpan:
    return ReadableSpan("chat", resource=Resource({}), attributes=attributes or {}, events=events)


def log(body=None, attributes=None, event_name=None) -> ReadableLogRecord:
    return ReadableLogRecord(
        LogRecord(body=body, attributes=attributes or {}, event_name=event_name), Resource({}), None
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("capture", "on_spans", "in_events"),
    [("none", False, False), ("span", True, False), ("event", False, True), ("both", True, True)],
)
def test_content_leaves_where_it_may(capture, on_spans, in_events, dialect):
    attributes = DIALECTS[dialect]
    frame = {key: value for key, value in attributes.items() if value != SAID}
    outgoing = stage(capture)
    (cleaned,) = outgoing.clean_spans([span(attributes, [Event("details", attributes)])])
    assert dict(cleaned.attributes) == (attributes if on_spans else frame)
    assert dict(cleaned.events[0].attributes) == (attributes if in_events else frame)
    (record,) = outgoing.clean_logs([log("chat", attributes)])
    assert dict(record.log_record.attributes) == (attributes if in_events else frame)
    (nested,) = outgoing.clean_logs([log({"inner": attributes})])
    assert nested.log_record.body == {"inner": attributes if in_events else frame}


def test_names_that_say_little_are_content_only_beside_their_mark():
    attributes = {"input.value": "5 V", "events": "three", "tool_arguments": "none", "final_result": "2:1"}
    batch = [span(attributes)]
    assert stage("none").clean_spans(batch) is batch


@pytest.mark.parametrize("name", ["gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message"])
@pytest.mark.parametrize("as_attribute", [False, True])
def test_an_event_that_is_content_keeps_its_frame_only(name, as_attribute):
    body = {"content": SAID, "role": "user", "tool_calls": [{"function": {"arguments": SAID}}], "index": 0}
    record = (
        log(body, {"event.name": name, "gen_ai.system": "openai", "content": SAID})
        if as_attribute
        else log(body, {"gen_ai.system": "openai", "content": SAID}, name)
    )
    (cleaned,) = stage("span").clean_logs([record])
    assert cleaned.log_record.body == {"role": "user", "index": 0}
    assert cleaned.log_record.attributes["gen_ai.system"] == "openai"
    assert "content" not in cleaned.log_record.attributes
    (text,) = stage("none").clean_logs([log(SAID, event_name=name)])
    assert text.log_record.body is None
    kept = [record]
    assert stage("event").clean_logs(kept) is kept


def test_an_event_of_a_span_that_is_content_keeps_its_frame_only():
    event = Event(
        "gen_ai.assistant.message", {"content": SAID, "role": "assistant", "gen_ai.system": "openai"}
    )
    (cleaned,) = stage("span").clean_spans([span(events=[event])])
    assert dict(cleaned.events[0].attributes) == {"role": "assistant", "gen_ai.system": "openai"}


def test_a_log_line_with_a_message_is_no_content():
    batch = [log("gen_ai.user.message was slow", {"content": "x"})]
    assert stage("none").clean_logs(batch) is batch
