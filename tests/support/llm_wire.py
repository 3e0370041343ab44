# SPDX-License-Identifier: Apache-2.0
"""Answers in the words of the two model APIs, as their references show them: JSON bodies and event streams.

OpenAI: https://platform.openai.com/docs/api-reference/chat and .../chat-streaming;
Anthropic: https://docs.anthropic.com/en/api/messages and .../streaming, .../errors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPENAI_PATH = "/v1/chat/completions"
ANTHROPIC_PATH = "/v1/messages"


@dataclass(frozen=True)
class Call:
    """A call of a tool: its id, name, and arguments as the model wrote them."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Answer:
    """What the model says, whichever API is asked; None: the provider does not report it."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    input_tokens: int | None = 10
    output_tokens: int = 2
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    reasoning_tokens: int | None = None
    model: str | None = None
    finish_reason: str | None = None
    refusal: str | None = None
    thinking: str | None = None


def openai_json(answer: Answer, model: str) -> bytes:
    """A `chat.completion` object."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text or None,
        "refusal": answer.refusal,
        "annotations": [],
    }
    if answer.calls:
        message["tool_calls"] = [_openai_call(call) for call in answer.calls]
    body: dict[str, Any] = {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1741569952,
        "model": answer.model or model,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": _openai_reason(answer)}
        ],
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }
    if answer.input_tokens is not None:
        body["usage"] = _openai_usage(answer)
    return json.dumps(body, indent=2).encode()


def openai_events(answer: Answer, model: str, *, with_usage: bool) -> Iterator[bytes]:
    """`chat.completion.chunk` objects as server-sent events, and `[DONE]`."""
    frame: dict[str, Any] = {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion.chunk",
        "created": 1741569952,
        "model": answer.model or model,
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }
    usage: dict[str, Any] = {"usage": None} if with_usage else {}

    def chunk(delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _openai_event({**frame, "choices": [choice], **usage})

    yield chunk({"role": "assistant", "content": "" if answer.text else None, "refusal": None})
    for piece in _pieces(answer.text):
        yield chunk({"content": piece})
    if answer.refusal is not None:
        yield chunk({"refusal": answer.refusal})
    for index, call in enumerate(answer.calls):
        started = {**_openai_call(call), "function": {"name": call.name, "arguments": ""}}
        yield chunk({"tool_calls": [{"index": index, **started}]})
        for piece in _pieces(call.arguments):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _openai_reason(answer))
    if with_usage and answer.input_tokens is not None:
        yield _openai_event({**frame, "choices": [], "usage": _openai_usage(answer)})
    yield b"data: [DONE]\n\n"


def openai_error(status: int) -> bytes:
    """The error object of a status."""
    kind, message = {
        400: ("invalid_request_error", "Invalid value: 'x'."),
        401: ("invalid_request_error", "Incorrect API key provided: sk-test."),
        429: ("requests", "Rate limit reached for gpt-4o in organization org-x on requests per min (RPM)."),
    }.get(status, ("server_error", "The server had an error while processing your request."))
    code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status)
    error = {"message": message, "type": kind, "param": None, "code": code}
    return json.dumps({"error": error}, indent=2).encode()


def anthropic_json(answer: Answer, model: str) -> bytes:
    """A `message` object."""
    content: list[dict[str, Any]] = []
    if answer.thinking is not None:
        content.append({"type": "thinking", "thinking": answer.thinking, "signature": "EqQBCgIYAhIM1gbcDa9"})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
        for call in answer.calls
    ]
    body = {
        **_anthropic_message(answer, model),
        "content": content,
        "stop_reason": _anthropic_reason(answer),
        "usage": _anthropic_usage(answer),
    }
    return json.dumps(body).encode()


def anthropic_events(answer: Answer, model: str) -> Iterator[bytes]:
    """The events of a streamed message."""
    message = {
        **_anthropic_message(answer, model),
        "content": [],
        "stop_reason": None,
        "usage": {**_anthropic_usage(answer), "output_tokens": 1},
    }
    yield _anthropic_event("message_start", message=message)
    index = 0
    if answer.thinking is not None:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        yield _anthropic_event("content_block_start", index=index, content_block=block)
        delta = {"type": "thinking_delta", "thinking": answer.thinking}
        yield _anthropic_event("content_block_delta", index=index, delta=delta)
        delta = {"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9"}
        yield _anthropic_event("content_block_delta", index=index, delta=delta)
        yield _anthropic_event("content_block_stop", index=index)
        index += 1
    if answer.text:
        yield _anthropic_event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        yield _anthropic_event("ping")
        for piece in _pieces(answer.text):
            delta = {"type": "text_delta", "text": piece}
            yield _anthropic_event("content_block_delta", index=index, delta=delta)
        yield _anthropic_event("content_block_stop", index=index)
        index += 1
    for call in answer.calls:
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield _anthropic_event("content_block_start", index=index, content_block=block)
        for piece in ("", *_pieces(call.arguments)):
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield _anthropic_event("content_block_delta", index=index, delta=delta)
        yield _anthropic_event("content_block_stop", index=index)
        index += 1
    end = {"stop_reason": _anthropic_reason(answer), "stop_sequence": None}
    usage: dict[str, Any] = {"output_tokens": answer.output_tokens}
    if answer.reasoning_tokens is not None:
        usage["output_tokens_details"] = {"thinking_tokens": answer.reasoning_tokens}
    yield _anthropic_event("message_delta", delta=end, usage=usage)
    yield _anthropic_event("message_stop")


def anthropic_error(status: int) -> bytes:
    """The error object of a status."""
    kind, message = {
        400: ("invalid_request_error", "messages: at least one message is required"),
        401: ("authentication_error", "invalid x-api-key"),
        429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
        529: ("overloaded_error", "Overloaded"),
    }.get(status, ("api_error", "Internal server error"))
    error = {"type": kind, "message": message}
    return json.dumps(
        {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    ).encode()


def anthropic_stream_error(kind: str, message: str) -> bytes:
    """The event of an error in the middle of a stream that began with 200."""
    return _anthropic_event("error", error={"type": kind, "message": message})


def openai_stream_error(code: str, message: str) -> bytes:
    """What a stream that began with 200 carries when generation fails."""
    error = {"message": message, "type": code, "param": None, "code": code}
    return _openai_event({"error": error})


def _openai_call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _openai_reason(answer: Answer) -> str:
    return answer.finish_reason or ("tool_calls" if answer.calls else "stop")


def _openai_usage(answer: Answer) -> dict[str, Any]:
    given = answer.input_tokens or 0
    usage: dict[str, Any] = {
        "prompt_tokens": given,
        "completion_tokens": answer.output_tokens,
        "total_tokens": given + answer.output_tokens,
    }
    if answer.cache_read_tokens is not None or answer.reasoning_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": answer.cache_read_tokens, "audio_tokens": 0}
        if answer.cache_creation_tokens is not None:
            usage["prompt_tokens_details"]["cache_write_tokens"] = answer.cache_creation_tokens
        usage["completion_tokens_details"] = {
            "reasoning_tokens": answer.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    return usage


def _openai_event(data: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _anthropic_message(answer: Answer, model: str) -> dict[str, Any]:
    return {
        "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
        "type": "message",
        "role": "assistant",
        "model": answer.model or model,
        "stop_sequence": None,
    }


def _anthropic_reason(answer: Answer) -> str:
    return answer.finish_reason or ("tool_use" if answer.calls else "end_turn")


def _anthropic_usage(answer: Answer) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": answer.input_tokens or 0,
        "cache_creation_input_tokens": answer.cache_creation_tokens,
        "cache_read_input_tokens": answer.cache_read_tokens,
        "output_tokens": answer.output_tokens,
        "service_tier": "standard",
    }
    if answer.reasoning_tokens is not None:
        usage["output_tokens_details"] = {"thinking_tokens": answer.reasoning_tokens}
    return usage


def _anthropic_event(kind: str, **fields: Any) -> bytes:
    data = {"type": kind, **fields}
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def _pieces(text: str) -> Iterator[str]:
    """Three pieces or fewer, cut anywhere, as models cut."""
    size = max(1, -(-len(text) // 3))
    for start in range(0, len(text), size):
        yield text[start : start + size]
