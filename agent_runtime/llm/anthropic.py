# SPDX-License-Identifier: Apache-2.0
"""Anthropic's messages API on the official client."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from agent_runtime.answers import read
from agent_runtime.llm.anthropic_messages import conversation
from agent_runtime.llm.attributes import request_attributes, server_attributes
from agent_runtime.llm.clients import LoopClients, given_settings
from agent_runtime.llm.replies import unexpected_reply
from agent_runtime.types import ModelChunk, ModelResponse, ToolCall, ToolCallDelta, Usage
from telemetry import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from anthropic import AsyncAnthropic
    from anthropic.types import MessageDeltaUsage
    from anthropic.types import Usage as AnthropicUsage

    from agent_runtime.types import Message, ToolSpec

__all__ = ["AnthropicModel"]


class AnthropicModel:
    """A model behind Anthropic's messages API.

    Makes one attempt per call: the client's own retries are off, because the agent's resilience
    retries, and would multiply them. Exceptions of the client pass unchanged. Thread-safe; usable
    on any number of event loops, each of which has a client of its own that is closed with it.

    Args:
        name: The model as the provider names it.
        api_key: Default: the variable `ANTHROPIC_API_KEY`.
        base_url: Address of a compatible service, without a version; default: the variable
            `ANTHROPIC_BASE_URL`, or Anthropic itself.
        timeout_s: The client's limit for connecting and for each pause in an answer; default: the
            client's own, ten minutes. The agent's limit of a whole attempt holds as well.
        max_tokens: The most tokens that an answer may have; the API wants a limit.
        provider: The provider, as `gen_ai.provider.name` spells it; for compatible services.
        client: An `AsyncAnthropic` of yours (Bedrock, Vertex, a proxy, ...) instead of `api_key`,
            `base_url` and `timeout_s`; yours to close, and for one event loop only.
        options: Further fields of every request's body, such as `temperature`.

    Raises:
        MissingExtraError: The package `anthropic` is not installed.
        ValueError: Both a client and settings for one were given, or `max_tokens` is below 1.
    """

    def __init__(
        self,
        name: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float | None = None,
        max_tokens: int = 4096,
        provider: str = "anthropic",
        client: AsyncAnthropic | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        try:
            import anthropic
        except ImportError as error:
            raise MissingExtraError("the Anthropic client", "anthropic") from error

        given = given_settings(
            f"AnthropicModel {name!r}", client, api_key=api_key, base_url=base_url, timeout=timeout_s
        )
        if max_tokens < 1:
            raise ValueError(f"max_tokens={max_tokens!r}: allowed are whole numbers from 1 upwards.")
        self.name = name
        self.provider = provider
        self._max_tokens = max_tokens
        self._options = dict(options or {})
        silence = _without_spans(anthropic.AsyncAnthropic)
        make = partial(anthropic.AsyncAnthropic, max_retries=0, **given, **silence)
        # Made now, so that settings it cannot use are noticed at set-up; it opens no connection.
        asked = make() if client is None else client.with_options(max_retries=0, **silence)
        self._own = asked if client is not None else None
        self._clients = LoopClients(asked, make)
        self.attributes = {
            **server_attributes(str(asked.base_url)),
            **request_attributes({"max_tokens": max_tokens, **self._options}),
        }
        """Attributes of its spans: the server that is asked, and the parameters of the requests."""

    def __repr__(self) -> str:
        return f"AnthropicModel({self.name!r}, provider={self.provider!r})"

    async def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> ModelResponse:
        """See `Model.complete`.

        Raises:
            anthropic.AnthropicError: The request failed.
            KairosError: The answer has no content in it (`llm_error`).
        """
        client = await self._client()
        answer = await client.messages.create(**self._request(messages, tools))
        blocks = getattr(answer, "content", None)
        if blocks is None:  # whatever answers with 200 at a wrong address
            raise unexpected_reply(answer, "a message object")
        return ModelResponse(
            text="".join(block.text for block in blocks if block.type == "text"),
            tool_calls=tuple(
                ToolCall(block.id, block.name, json.dumps(block.input))
                for block in blocks
                if block.type == "tool_use"
            ),
            usage=_usage(answer.usage),
            model=answer.model,
            finish_reason=answer.stop_reason or "end_turn",
            response_id=answer.id,
        )

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelChunk, None]:
        """See `StreamingModel.stream`.

        Raises:
            anthropic.AnthropicError: The request failed, before the answer or in the middle of it.
            httpx.TransportError: The connection broke in the middle of the answer: the client passes
                the error of its HTTP library on.
        """
        client = await self._client()
        usage: Usage | None = None
        async with await client.messages.create(stream=True, **self._request(messages, tools)) as events:
            async for event in events:
                if event.type == "message_start":
                    usage = _usage(event.message.usage)
                    yield ModelChunk(usage=usage, model=event.message.model, response_id=event.message.id)
                elif event.type == "message_delta":
                    usage = _last_usage(usage, event.usage)
                    yield ModelChunk(usage=usage, finish_reason=event.delta.stop_reason)
                elif event.type == "content_block_start" and event.content_block.type == "tool_use":
                    block = event.content_block
                    yield ModelChunk(tool_calls=(ToolCallDelta(event.index, block.id, block.name),))
                elif event.type == "content_block_delta":
                    if event.delta.type == "text_delta":
                        yield ModelChunk(text_delta=event.delta.text)
                    elif event.delta.type == "input_json_delta":
                        piece = ToolCallDelta(event.index, arguments=event.delta.partial_json)
                        yield ModelChunk(tool_calls=(piece,))

    async def _client(self) -> AsyncAnthropic:
        return self._own or await self._clients.get()

    def _request(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> dict[str, Any]:
        system, turns = conversation(messages)
        request: dict[str, Any] = {
            "model": self.name,
            "messages": turns,
            "max_tokens": self._max_tokens,
        }
        if system:
            request["system"] = system
        if self._options:  # not as arguments: those that a release does not know it would refuse
            request["extra_body"] = self._options
        if tools:
            request["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
                for tool in tools
            ]
        return request


def _without_spans(client: type[AsyncAnthropic]) -> dict[str, Any]:
    """Returns the setting that keeps newer releases from a `chat` span of their own inside of ours."""
    known = inspect.signature(client).parameters
    return {"open_telemetry": False} if "open_telemetry" in known else {}


def _usage(usage: AnthropicUsage | None) -> Usage | None:
    if usage is None:
        return None
    read, created = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    return Usage(
        # The API counts tokens of the cache apart; the GenAI conventions want all of them in one.
        input_tokens=usage.input_tokens + (read or 0) + (created or 0),
        output_tokens=usage.output_tokens,
        cache_read_tokens=read,
        cache_creation_tokens=created,
        reasoning_tokens=_reasoning_tokens(usage),
    )


def _last_usage(first: Usage | None, last: MessageDeltaUsage) -> Usage:
    """Returns the totals at a stream's end: what was read came first, what was written comes last."""
    return replace(
        first or Usage(), output_tokens=last.output_tokens, reasoning_tokens=_reasoning_tokens(last)
    )


def _reasoning_tokens(usage: AnthropicUsage | MessageDeltaUsage) -> int | None:
    # A release that does not know the field leaves it a mapping.
    tokens = read(read(usage, "output_tokens_details"), "thinking_tokens")
    return tokens if isinstance(tokens, int) else None
