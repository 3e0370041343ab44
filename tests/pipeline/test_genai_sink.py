# SPDX-License-Identifier: Apache-2.0
"""What settings make of GenAI operations: spelling, content."""

from __future__ import annotations

import json

import pytest

import telemetry
from telemetry.testing import isolated

SECRET = "the launch code"
MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": SECRET}]}]


def use_content() -> None:
    chat, tool = telemetry.chat("m", provider="p"), telemetry.execute_tool("t")
    with chat:
        chat.content(input_messages=MESSAGES, output_messages=[], system_instructions=None)
    with tool:
        tool.content(arguments={"q": SECRET}, result={"a": SECRET})


SPELLINGS = {
    "both": {
        "gen_ai.provider.name": "openai",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt",
        "kairos.agent.model": "gpt",
    },
    "gen_ai": {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt"},
    "kairos": {"gen_ai.system": "openai", "kairos.agent.model": "gpt"},
}


@pytest.mark.parametrize(
    "semconv", [pytest.param(name, marks=pytest.mark.kairos(semconv=name)) for name in SPELLINGS]
)
def test_a_model_call_is_spelled_as_semconv_says(kairos, semconv):
    with telemetry.chat("gpt", provider="openai"):
        pass

    assert dict(kairos.span("chat gpt").attributes) == {"gen_ai.operation.name": "chat", **SPELLINGS[semconv]}


TOOLS = {
    "both": {
        "gen_ai.tool.name": "search",
        "kairos.tool.name": "search",
        "gen_ai.tool.call.id": "c1",
        "kairos.tool.call_id": "c1",
    },
    "gen_ai": {"gen_ai.tool.name": "search", "gen_ai.tool.call.id": "c1"},
    "kairos": {"kairos.tool.name": "search", "kairos.tool.call_id": "c1"},
}


@pytest.mark.parametrize(
    "semconv", [pytest.param(name, marks=pytest.mark.kairos(semconv=name)) for name in TOOLS]
)
def test_a_tool_call_is_spelled_as_semconv_says(kairos, semconv):
    with telemetry.execute_tool("search", call_id="c1"):
        pass

    span = kairos.span("execute_tool search")
    assert dict(span.attributes) == {"gen_ai.operation.name": "execute_tool", **TOOLS[semconv]}


def test_an_older_name_that_is_given_stays(kairos):
    with telemetry.chat("gpt", provider="gcp.gemini", **{"gen_ai.system": "google_genai"}):
        pass

    kairos.assert_span(
        "chat gpt", attributes={"gen_ai.provider.name": "gcp.gemini", "gen_ai.system": "google_genai"}
    )


def test_content_stays_in_the_process_by_default(kairos):
    use_content()

    kairos.assert_no_content_leaked(SECRET)
    assert kairos.logs == []


@pytest.mark.kairos(capture_content="span")
def test_content_is_json_text_on_the_span(kairos):
    use_content()

    chat = kairos.span("chat m").attributes
    assert json.loads(chat["gen_ai.input.messages"]) == MESSAGES
    assert chat["gen_ai.output.messages"] == "[]"
    assert "gen_ai.system_instructions" not in chat
    tool = kairos.span("execute_tool t").attributes
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"q": SECRET}
    assert json.loads(tool["gen_ai.tool.call.result"]) == {"a": SECRET}
    assert kairos.logs == []


@pytest.mark.kairos(capture_content="event")
def test_content_is_an_event_of_the_span(kairos):
    use_content()

    record = kairos.logs[0].log_record
    assert record.event_name == "gen_ai.client.inference.operation.details"
    # Structured, as the conventions want it; on spans it is text.
    assert json.loads(json.dumps(record.attributes["gen_ai.input.messages"], default=dict)) == MESSAGES
    assert record.severity_number.name == "INFO"
    assert record.span_id == kairos.span("chat m").context.span_id
    assert not any("messages" in name for name in kairos.span("chat m").attributes)


@pytest.mark.kairos(capture_content="both")
def test_content_is_on_the_span_and_an_event(kairos):
    use_content()

    assert len(kairos.logs) == 2
    assert "gen_ai.input.messages" in kairos.span("chat m").attributes


@pytest.mark.kairos(capture_content="span", attribute_value_limit=20)
def test_content_is_cut_at_the_limit(kairos):
    with telemetry.chat("m", provider="p") as chat:
        chat.content(input_messages="ä" * 100)

    assert kairos.span("chat m").attributes["gen_ai.input.messages"] == '"' + "ä" * 9


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def circular() -> list:
    content: list = []
    content.append(content)
    return content


@pytest.mark.kairos(capture_content="both")
@pytest.mark.parametrize(
    "make", [circular, lambda: {(1, 2): 3}, lambda: {1, 2}, Unprintable, lambda: [Unprintable()]]
)
def test_content_that_json_cannot_carry_never_raises(kairos, make):
    with telemetry.chat("m", provider="p") as chat:
        chat.content(input_messages=make())

    assert isinstance(kairos.span("chat m").attributes["gen_ai.input.messages"], str)


def test_content_of_nothing_changes_nothing(kairos):
    with telemetry.chat("m", provider="p") as chat:
        chat.content()

    assert kairos.logs == []


@pytest.mark.parametrize(("capture", "calls"), [("none", 0), ("span", 1), ("both", 1)])
def test_content_behind_a_callable_is_built_only_where_it_is_wanted(capture, calls):
    built = []

    def build():
        built.append(1)
        return MESSAGES

    with isolated(capture_content=capture) as kairos, telemetry.chat("m", provider="p") as chat:
        chat.content(input_messages=build)
    assert len(built) == calls
    if calls:
        assert json.loads(kairos.span("chat m").attributes["gen_ai.input.messages"]) == MESSAGES
