# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import sys

import anthropic
import httpx
import httpx2
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
    Request,
    Reset,
    Slow,
    StreamError,
)

from agent_runtime import Message, Role, ToolCall, ToolSpec, Usage
from agent_runtime.llm import Model, StreamingModel
from agent_runtime.llm.anthropic import AnthropicModel
from agent_runtime.types import ModelChunk, ToolCallDelta
from telemetry import ErrorCode, KairosError, MissingExtraError, classify, retry_after

HELLO = [Message(Role.USER, "Hello")]
SEARCH = ToolSpec("search", "Search documents.", {"type": "object", "properties": {}})
CALLS = (Call("toolu_1", "search", '{"query": "tea"}'), Call("toolu_2", "search", '{"query": "milk"}'))
FULL = Answer(
    "Two calls.",
    CALLS,
    input_tokens=20,
    output_tokens=7,
    cache_read_tokens=12,
    cache_creation_tokens=4,
    reasoning_tokens=3,
    thinking="Hm.",
)
USAGE = Usage(36, 7, cache_read_tokens=12, cache_creation_tokens=4, reasoning_tokens=3)
RESPONSE_ID = "msg_013Zva2CMHLNnXjNJJKqJ2EF"


def model(server: LLMServer, **settings) -> AnthropicModel:
    return AnthropicModel("claude-test", api_key="sk-test", base_url=server.url, **settings)


def complete(asked: AnthropicModel, messages=HELLO, tools=()):
    return asyncio.run(asked.complete(messages, tools))


def stream(asked: AnthropicModel, messages=HELLO, tools=()) -> list[ModelChunk]:
    async def collect() -> list[ModelChunk]:
        return [chunk async for chunk in asked.stream(messages, tools)]

    return asyncio.run(collect())


def key(request: Request) -> str:
    """The key in either of the two headers that releases of the client send it in."""
    return request.headers.get("x-api-key") or request.headers["authorization"].removeprefix("Bearer ")


def test_it_is_a_model_that_streams(server):
    assert isinstance(model(server), Model)
    assert isinstance(model(server), StreamingModel)
    assert repr(model(server)) == "AnthropicModel('claude-test', provider='anthropic')"


def test_an_answer_comes_with_calls_usage_and_names(server):
    server.order(FULL)
    answer = complete(model(server))
    assert answer.text == "Two calls."
    assert answer.tool_calls == (
        ToolCall("toolu_1", "search", '{"query": "tea"}'),
        ToolCall("toolu_2", "search", '{"query": "milk"}'),
    )
    assert answer.usage == USAGE
    assert (answer.model, answer.finish_reason) == ("claude-test", "tool_use")
    assert answer.response_id == RESPONSE_ID


def test_a_conversation_is_sent_as_the_api_wants_it(server):
    server.order(Answer("done"))
    complete(
        model(server, max_tokens=100, options={"temperature": 0.5}),
        [
            Message(Role.SYSTEM, "Be brief."),
            Message(Role.USER, "find tea"),
            Message(Role.ASSISTANT, "I look.", (ToolCall("toolu_1", "search", '{"query": "tea"}'),)),
            Message(Role.TOOL, "green", tool_call_id="toolu_1"),
        ],
        [SEARCH],
    )
    (request,) = server.requests
    assert request.path == "/v1/messages"
    assert key(request) == "sk-test"
    assert "anthropic-version" in request.headers
    assert request.body == {
        "model": "claude-test",
        "max_tokens": 100,
        "temperature": 0.5,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "find tea"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "search", "input": {"query": "tea"}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "green"}],
            },
        ],
        "tools": [
            {
                "name": "search",
                "description": "Search documents.",
                "input_schema": {"type": "object", "properties": {}},
            }
        ],
    }


def test_without_instructions_and_tools_none_are_sent(server):
    server.order(Answer("done"))
    complete(model(server))
    assert {"system", "tools"}.isdisjoint(server.requests[0].body)


def test_a_service_that_reports_no_usage_has_none(server):
    body = {"content": [{"type": "text", "text": "done"}], "model": "x", "id": "y", "stop_reason": None}
    server.order(Raw(body))
    answer = complete(model(server))
    assert (answer.text, answer.usage, answer.finish_reason) == ("done", None, "end_turn")


def test_usage_without_details_leaves_them_open(server):
    server.order(Answer("done"))
    assert complete(model(server)).usage == Usage(10, 2)


def test_a_stream_comes_in_pieces_and_ends_with_the_usage(server):
    server.order(FULL)
    chunks = stream(model(server), tools=[SEARCH])
    assert (chunks[0].model, chunks[0].response_id) == ("claude-test", RESPONSE_ID)
    assert [chunk.text_delta for chunk in chunks if chunk.text_delta] == ["Two ", "call", "s."]
    pieces = [piece for chunk in chunks for piece in chunk.tool_calls]
    assert pieces[0] == ToolCallDelta(2, "toolu_1", "search")
    assert [piece.index for piece in pieces] == [2] * 5 + [3] * 5
    assert "".join(piece.arguments for piece in pieces if piece.index == 3) == '{"query": "milk"}'
    assert chunks[-1] == ModelChunk(usage=USAGE, finish_reason="tool_use")


def test_a_stream_closed_early_hangs_up(server):
    slow = Slow(Answer("done"))
    server.order(slow)

    async def first() -> ModelChunk:
        chunks = model(server).stream(HELLO, [])
        chunk = await anext(chunks)
        await chunks.aclose()
        return chunk

    assert asyncio.run(first()).model == "claude-test"
    slow.go.set()


@pytest.mark.parametrize("how", [complete, stream])
@pytest.mark.parametrize(
    ("reply", "kind", "code", "is_recoverable"),
    [
        (Failure(429, "7"), anthropic.RateLimitError, ErrorCode.RATE_LIMIT, True),
        (Failure(500), anthropic.InternalServerError, ErrorCode.LLM_ERROR, True),
        (Failure(529), anthropic.InternalServerError, ErrorCode.LLM_ERROR, True),
        (Failure(401), anthropic.AuthenticationError, ErrorCode.UNAUTHORIZED, False),
        (Failure(400), anthropic.BadRequestError, ErrorCode.INVALID_INPUT, False),
        (Reset(), anthropic.APIConnectionError, ErrorCode.LLM_ERROR, True),
        (HalfStream(FULL), anthropic.APIConnectionError, ErrorCode.LLM_ERROR, True),
        (HalfStream(FULL, is_reset=False), anthropic.APIConnectionError, ErrorCode.LLM_ERROR, True),
        (Hang(), anthropic.APITimeoutError, ErrorCode.TIMEOUT, True),
        (Malformed(), ValueError, ErrorCode.INVALID_INPUT, False),
    ],
    ids=["429", "500", "529", "401", "400", "reset", "half", "half, then closed", "hang", "malformed"],
)
def test_the_clients_errors_pass_unchanged_after_one_attempt(
    server, how, reply, kind, code: ErrorCode, is_recoverable: bool
):
    server.order(reply)
    # The client passes on what breaks in the middle of a stream as its HTTP library raises it.
    is_half = isinstance(reply, HalfStream)
    kinds = (kind, httpx.TransportError, httpx2.TransportError) if is_half else (kind,)
    with pytest.raises(kinds) as caught:
        how(model(server, timeout_s=0.2))
    assert classify(caught.value, "llm") == (code, "llm", is_recoverable)
    assert len(server.requests) == 1


def test_the_pause_that_the_service_asks_for_is_found(server):
    server.order(Failure(429, "7"))
    with pytest.raises(anthropic.RateLimitError) as caught:
        complete(model(server))
    assert retry_after(caught.value) == 7.0


def test_an_error_inside_a_stream_is_raised_after_what_came(server):
    server.order(StreamError(Answer("done"), "overloaded_error", "Overloaded"))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded") as caught:
        stream(model(server))
    assert classify(caught.value, "llm") == (ErrorCode.LLM_ERROR, "llm", True)


@pytest.mark.parametrize("body", [{}, "a page"], ids=str)
def test_a_reply_that_is_no_message_is_an_llm_error(server, body):
    server.order(Raw(body))
    with pytest.raises(KairosError, match="did not answer with a message object, but with: ") as caught:
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
    assert model(server, options={"top_k": 5}).attributes == {
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "gen_ai.request.max_tokens": 4096,
        "gen_ai.request.top_k": 5,
    }
    default = AnthropicModel("claude", api_key="k", options={"max_tokens": 7}).attributes
    assert default["server.address"] == "api.anthropic.com"
    assert default["gen_ai.request.max_tokens"] == 7


def test_the_client_makes_no_span_of_its_own(server, kairos):
    server.order(Answer("done"))
    complete(model(server))
    assert kairos.spans == []


def test_a_client_of_ones_own_is_used_without_its_retries(server):
    server.order(Failure(500), FULL)

    async def ask() -> Usage | None:
        # Strict, so that it refuses replies of the test server that are not as documented.
        client = anthropic.AsyncAnthropic(
            api_key="own", base_url=server.url, max_retries=5, _strict_response_validation=True
        )
        async with client:
            asked = AnthropicModel("claude", client=client)
            with pytest.raises(anthropic.InternalServerError):
                await asked.complete(HELLO, [])
            return (await asked.complete(HELLO, [])).usage

    assert asyncio.run(ask()) == USAGE
    assert [key(request) for request in server.requests] == ["own"] * 2


def test_a_client_and_settings_for_one_are_too_much():
    client = anthropic.AsyncAnthropic(api_key="own")
    with pytest.raises(ValueError, match=r"AnthropicModel 'claude': timeout given beside a client"):
        AnthropicModel("claude", client=client, timeout_s=3)


def test_an_answer_needs_room():
    with pytest.raises(ValueError, match=r"max_tokens=0: allowed are whole numbers from 1 upwards\."):
        AnthropicModel("claude", api_key="k", max_tokens=0)


def test_releases_without_spans_of_their_own_are_not_asked_to_be_silent(server, monkeypatch):
    class Older(anthropic.AsyncAnthropic):
        def __init__(self, *, api_key, base_url, max_retries) -> None:
            super().__init__(api_key=api_key, base_url=base_url, max_retries=max_retries)

    monkeypatch.setattr(anthropic, "AsyncAnthropic", Older)
    server.order(Answer("done"))
    assert complete(model(server)).text == "done"


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "anthropic", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kairos-telemetry\[anthropic\]'"):
        AnthropicModel("claude")
