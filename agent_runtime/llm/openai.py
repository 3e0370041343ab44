# SPDX-License-Identifier: Apache-2.0
"""OpenAI's chat completions, and every service that speaks the same, on the official client."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from agent_runtime.llm.attributes import request_attributes, server_attributes
from agent_runtime.llm.clients import LoopClients, given_settings
from agent_runtime.llm.replies import unexpected_reply
from agent_runtime.types import Message, ModelChunk, ModelResponse, Role, ToolCall, ToolCallDelta, Usage
from telemetry import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from openai import AsyncOpenAI
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk

    from agent_runtime.types import ToolSpec

__all__ = ["OpenAIModel"]


class OpenAIModel:
    """A model behind OpenAI's chat completions API, or one that is compatible with it.

    Makes one attempt per call: the client's own retries are off, because the agent's resilience
    retries, and would multiply them. Exceptions of the client pass unchanged. Thread-safe; usable
    on any number of event loops, each of which has a client of its own that is closed with it.

    Args:
        name: The model as the provider names it, such as `gpt-4o`.
        api_key: Default: the variable `OPENAI_API_KEY`. A compatible service that needs none takes
            any text.
        base_url: Address of a compatible service, with its version (`http://localhost:8000/v1`);
            default: the variable `OPENAI_BASE_URL`, or OpenAI itself.
        timeout_s: The client's limit for connecting and for each pause in an answer; default: the
            client's own, ten minutes. The agent's limit of a whole attempt holds as well.
        provider: The provider, as `gen_ai.provider.name` spells it; for compatible services.
        client: An `AsyncOpenAI` of yours (Azure, a proxy, ...) instead of the three settings above;
            yours to close, and for one event loop only.
        options: Further fields of every request's body, such as `temperature` or `max_completion_tokens`.

    Raises:
        MissingExtraError: The package `openai` is not installed.
        ValueError: Both a client and settings for one were given.
        openai.OpenAIError: There is no API key.
    """

    def __init__(
        self,
        name: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float | None = None,
        provider: str = "openai",
        client: AsyncOpenAI | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        try:
            import openai
        except ImportError as error:
            raise MissingExtraError("the OpenAI client", "openai") from error

        given = given_settings(
            f"OpenAIModel {name!r}", client, api_key=api_key, base_url=base_url, timeout=timeout_s
        )

        self.name = name
        self.provider = provider
        self._options = dict(options or {})
        make = partial(openai.AsyncOpenAI, max_retries=0, **given)
        # Made now, so that settings it cannot use are noticed at set-up; it opens no connection.
        asked = make() if client is None else client.with_options(max_retries=0)
        self._own = asked if client is not None else None
        self._clients = LoopClients(asked, make)
        self.attributes = {**server_attributes(str(asked.base_url)), **request_attributes(self._options)}
        """Attributes of its spans: the server that is asked, and the parameters of the requests."""

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r}, provider={self.provider!r})"

    async def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> ModelResponse:
        """See `Model.complete`.

        Raises:
            openai.OpenAIError: The request failed.
            KairosError: The answer has no choice in it (`llm_error`).
        """
        client = await self._client()
        answer = await client.chat.completions.create(**self._request(messages, tools))
        if not getattr(answer, "choices", None):  # compatible services answer what they like with 200
            raise unexpected_reply(answer, "a chat.completion object")
        choice = answer.choices[0]
        return ModelResponse(
            text=choice.message.content or choice.message.refusal or "",
            tool_calls=tuple(
                ToolCall(call.id, call.function.name, call.function.arguments)
                for call in choice.message.tool_calls or ()
                if call.type == "function"
            ),
            usage=_usage(answer.usage),
            model=answer.model or None,
            finish_reason=choice.finish_reason or "stop",
            response_id=answer.id or None,
        )

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelChunk, None]:
        """See `StreamingModel.stream`.

        Raises:
            openai.OpenAIError: The request failed, before the answer or in the middle of it.
            httpx.TransportError: The connection broke in the middle of the answer, with releases of
                the client that do not make an error of their own of it.
        """
        client = await self._client()
        request = {"stream_options": {"include_usage": True}, **self._request(messages, tools)}
        async with await client.chat.completions.create(stream=True, **request) as pieces:
            async for piece in pieces:
                yield _chunk(piece)

    async def _client(self) -> AsyncOpenAI:
        return self._own or await self._clients.get()

    def _request(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [_message(message) for message in messages],
        }
        if self._options:  # not as arguments: those that a release does not know it would refuse
            request["extra_body"] = self._options
        if tools:  # an empty list is refused
            request["tools"] = [_tool(tool) for tool in tools]
        return request


def _message(message: Message) -> dict[str, object]:
    if message.role is Role.TOOL:
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": message.role.value, "content": message.content}
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.tool_calls
    ]
    return {"role": message.role.value, "content": message.content or None, "tool_calls": calls}


def _tool(tool: ToolSpec) -> dict[str, object]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.input_schema)}
    return {"type": "function", "function": function}


def _usage(usage: CompletionUsage | None) -> Usage | None:
    if usage is None:
        return None
    given, written = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=given.cached_tokens if given is not None else None,
        # Older releases of the client do not know the field.
        cache_creation_tokens=getattr(given, "cache_write_tokens", None),
        reasoning_tokens=written.reasoning_tokens if written is not None else None,
    )


def _chunk(piece: ChatCompletionChunk) -> ModelChunk:
    usage, model, response_id = _usage(piece.usage), piece.model or None, piece.id or None
    if not piece.choices:  # the last one, with the usage; some services send others
        return ModelChunk(usage=usage, model=model, response_id=response_id)
    choice = piece.choices[0]
    return ModelChunk(
        text_delta=choice.delta.content or choice.delta.refusal or "",
        tool_calls=tuple(
            ToolCallDelta(
                index=call.index,
                id=call.id,
                name=call.function.name if call.function is not None else None,
                arguments=(call.function.arguments if call.function is not None else None) or "",
            )
            for call in choice.delta.tool_calls or ()
        ),
        usage=usage,
        finish_reason=choice.finish_reason,
        model=model,
        response_id=response_id,
    )
