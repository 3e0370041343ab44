# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import sys

import httpx
import openai
import pytest
from support.llm_server import (
    Answer,
    Call,
    Failure,
    HalfStream,
    Hang,
    LLMServer,
    Malformed,
    Raw,
    Reset,
    Slow,
    StreamError,
)

from agent_runtime import Message, Role, ToolCall, ToolSpec, Usage
from agent_runtime.llm import Model, StreamingModel
from agent_runtime.llm.openai import OpenAIModel
from agent_runtime.types import ModelChunk, ToolCallDelta
from telemetry import ErrorCode, KairosError, MissingExtraError, classify, retry_after

HELLO = [Message(Role.USER, "Hello")]
SEARCH = ToolSpec("search", "Search documents.", {"type": "object", "properties": {}})
CALLS = (Call("call_1", "search", '{"query": "tea"}'), Call("call_2", "search", '{"query": "milk"}'))
FULL = Answer("Two calls.", CALLS, 20, 7, cache_read_tokens=12, cache_creation_tokens=4, reasoning_tokens=3)
USAGE = Usage(20, 7, cache_read_tokens=12, cache_creation_tokens=4, reasoning_tokens=3)
RESPONSE_ID = "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT"


def model(server: LLMServer, **settings) -> OpenAIModel:
    return OpenAIModel("gpt-4o", api_key="sk-test", base_url=server.openai_url, **settings)


def complete(asked: OpenAIModel, messages=HELLO, tools=()):
    return asyncio.run(asked.complete(messages, tools))


def stream(asked: OpenAIModel, messages=HELLO, tools=()) -> list[ModelChunk]:
    async def collect() -> list[ModelChunk]:
        return [chunk async for chunk in asked.stream(messages, tools)]

    return asyncio.run(collect())


def test_it_is_a_model_that_streams(server):
    assert isinstance(model(server), Model)
    assert isinstance(model(server), StreamingModel)
    assert repr(model(server)) == "OpenAIModel('gpt-4o', provider='openai')"


def test_an_answer_comes_with_calls_usage_and_names(server):
    server.order(FULL)
    answer = complete(model(server))
    assert answer.text == "Two calls."
    assert answer.tool_calls == (
        ToolCall("call_1", "search", '{"query": "tea"}'),
        ToolCall("call_2", "search", '{"query": "milk"}'),
    )
    assert answer.usage == USAGE
    assert (answer.model, answer.finish_reason, answer.response_id) == ("gpt-4o", "tool_calls", RESPONSE_ID)


def test_a_conversation_is_sent_as_the_api_wants_it(server):
    server.order(Answer("done"))
    complete(
        model(server, options={"temperature": 0.5}),
        [
            Message(Role.SYSTEM, "Be brief."),
            Message(Role.USER, "find tea"),
            Message(Role.ASSISTANT, "", (ToolCall("call_1", "search", '{"query": "tea"}'),)),
            Message(Role.TOOL, "green", tool_call_id="call_1"),
            Message(Role.ASSISTANT, "Green tea."),
        ],
        [SEARCH],
    )
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-test"
    assert request.body == {
        "model": "gpt-4o",
        "temperature": 0.5,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "find tea"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "search", "arguments": '{"query": "tea"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "green"},
            {"role": "assistant", "content": "Green tea."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "search",
                    "description": "Search documents.",
                    "parameters": {"type": "object", "properties": {}},
                },
            }
        ],
    }


def test_without_tools_none_are_sent(server):
    server.order(Answer("done"))
    complete(model(server))
    assert "tools" not in server.requests[0].body


def test_a_refusal_is_the_answers_text(server):
    server.order(Answer(refusal="I cannot."), Answer(refusal="I cannot."))
    assert complete(model(server)).text == "I cannot."
    assert "".join(chunk.text_delta for chunk in stream(model(server))) == "I cannot."


def test_a_service_that_reports_no_usage_has_none(server):
    server.order(Answer("done", input_tokens=None), Answer("done", input_tokens=None))
    assert complete(model(server)).usage is None
    assert {chunk.usage for chunk in stream(model(server))} == {None}


def test_usage_without_details_leaves_them_open(server):
    server.order(Answer("done"))
    assert complete(model(server)).usage == Usage(10, 2)


def test_a_stream_comes_in_pieces_and_ends_with_the_usage(server):
    server.order(FULL)
    chunks = stream(model(server), tools=[SEARCH])
    assert [chunk.text_delta for chunk in chunks if chunk.text_delta] == ["Two ", "call", "s."]
    pieces = [piece for chunk in chunks for piece in chunk.tool_calls]
    assert pieces[0] == ToolCallDelta(0, "call_1", "search")
    assert [piece.index for piece in pieces] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert "".join(piece.arguments for piece in pieces if piece.index == 1) == '{"query": "milk"}'
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["tool_calls"]
    assert chunks[-1] == ModelChunk(usage=USAGE, model="gpt-4o", response_id=RESPONSE_ID)
    assert server.requests[0].body["stream_options"] == {"include_usage": True}


def test_services_that_refuse_stream_options_can_be_streamed_from(server):
    server.order(Answer("done"))
    chunks = stream(model(server, options={"stream_options": None}))
    assert server.requests[0].body["stream_options"] is None
    assert chunks[-1].finish_reason == "stop"


def test_a_stream_closed_early_hangs_up(server):
    slow = Slow(Answer("done"))
    server.order(slow)

    async def first() -> ModelChunk:
        chunks = model(server).stream(HELLO, [])
        chunk = await anext(chunks)
        await chunks.aclose()
        return chunk

    assert asyncio.run(first()).model == "gpt-4o"
    slow.go.set()


@pytest.mark.parametrize("how", [complete, stream])
@pytest.mark.parametrize(
    ("reply", "kind", "code", "is_recoverable"),
    [
        (Failure(429, "7"), openai.RateLimitError, ErrorCode.RATE_LIMIT, True),
        (Failure(500), openai.InternalServerError, ErrorCode.LLM_ERROR, True),
        (Failure(529), openai.InternalServerError, ErrorCode.LLM_ERROR, True),
        (Failure(401), openai.AuthenticationError, ErrorCode.UNAUTHORIZED, False),
        (Failure(400), openai.BadRequestError, ErrorCode.INVALID_INPUT, False),
        (Reset(), openai.APIConnectionError, ErrorCode.LLM_ERROR, True),
        (HalfStream(FULL), openai.APIConnectionError, ErrorCode.LLM_ERROR, True),
        (HalfStream(FULL, is_reset=False), openai.APIConnectionError, ErrorCode.LLM_ERROR, True),
        (Hang(), openai.APITimeoutError, ErrorCode.TIMEOUT, True),
        (Malformed(), ValueError, ErrorCode.INVALID_INPUT, False),
    ],
    ids=["429", "500", "529", "401", "400", "reset", "half", "half, then closed", "hang", "malformed"],
)
def test_the_clients_errors_pass_unchanged_after_one_attempt(
    server, how, reply, kind, code: ErrorCode, is_recoverable: bool
):
    server.order(reply)
    # Older releases of the client pass on what breaks in the middle of a stream as httpx raises it.
    kinds = (kind, httpx.TransportError) if isinstance(reply, HalfStream) else (kind,)
    with pytest.raises(kinds) as caught:
        how(model(server, timeout_s=0.2))
    assert classify(caught.value, "llm") == (code, "llm", is_recoverable)
    assert len(server.requests) == 1


def test_the_pause_that_the_service_asks_for_is_found(server):
    server.order(Failure(429, "7"))
    with pytest.raises(openai.RateLimitError) as caught:
        complete(model(server))
    assert retry_after(caught.value) == 7.0


def test_an_error_inside_a_stream_is_raised_after_what_came(server):
    server.order(StreamError(Answer("done"), "server_error", "The server had an error."))
    with pytest.raises(openai.APIError, match=r"The server had an error\.") as caught:
        stream(model(server))
    assert classify(caught.value, "llm") == (ErrorCode.LLM_ERROR, "llm", True)


@pytest.mark.parametrize("body", [{}, {"choices": []}, "a page"], ids=str)
def test_a_reply_that_is_no_completion_is_an_llm_error(server, body):
    server.order(Raw(body))
    with pytest.raises(
        KairosError, match=r"did not answer with a chat\.completion object, but with: "
    ) as caught:
        complete(model(server))
    assert (caught.value.code, caught.value.recoverable) == (ErrorCode.LLM_ERROR, False)


def test_a_cancelled_call_hangs_up(server):
    server.order(Hang())

    async def cancelled() -> None:
        call = asyncio.create_task(model(server).complete(HELLO, []))
        await asyncio.to_thread(server.is_asked.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.hung_up.wait, 10)

    asyncio.run(cancelled())


def test_the_server_it_asks_and_its_parameters_are_attributes(server):
    assert model(server, options={"temperature": 0}).attributes == {
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "gen_ai.request.temperature": 0,
    }
    assert model(server).attributes == {"server.address": "127.0.0.1", "server.port": server.port}
    assert OpenAIModel("gpt-4o", api_key="k").attributes == {
        "server.address": "api.openai.com",
        "server.port": 443,
    }


def test_a_compatible_service_may_say_its_name(server):
    asked = model(server, provider="groq")
    assert asked.provider == "groq"


def test_a_client_of_ones_own_is_used_without_its_retries(server):
    server.order(Failure(500), FULL)

    async def ask() -> Usage | None:
        # Strict, so that it refuses replies of the test server that are not as documented.
        client = openai.AsyncOpenAI(
            api_key="own", base_url=server.openai_url, max_retries=5, _strict_response_validation=True
        )
        async with client:
            asked = OpenAIModel("gpt-4o", client=client)
            with pytest.raises(openai.InternalServerError):
                await asked.complete(HELLO, [])
            return (await asked.complete(HELLO, [])).usage

    assert asyncio.run(ask()) == USAGE
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer own"] * 2


def test_a_client_and_settings_for_one_are_too_much():
    client = openai.AsyncOpenAI(api_key="own")
    with pytest.raises(ValueError, match=r"OpenAIModel 'gpt-4o': api_key given beside a client"):
        OpenAIModel("gpt-4o", client=client, api_key="other")


def test_a_missing_key_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(openai.OpenAIError, match="OPENAI_API_KEY"):
        OpenAIModel("gpt-4o")


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kairos-telemetry\[openai\]'"):
        OpenAIModel("gpt-4o")
