# SPDX-License-Identifier: Apache-2.0
"""Conversations as the GenAI conventions write them; they leave the process only with `capture_content`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_runtime.types import Message, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_runtime.types import ModelResponse

__all__ = ["conversation", "instructions", "output"]

Described = dict[str, object]


def instructions(messages: Sequence[Message]) -> list[Described] | None:
    """Returns a leading system message as `gen_ai.system_instructions`; None when there is none."""
    return [_text(messages[0].content)] if messages[0].role is Role.SYSTEM else None


def conversation(messages: Sequence[Message]) -> list[Described]:
    """Returns the messages that are no instructions as `gen_ai.input.messages`."""
    return [
        {"role": message.role.value, "parts": _parts(message)}
        for message in messages
        if message.role is not Role.SYSTEM
    ]


def output(response: ModelResponse) -> list[Described]:
    """Returns an answer as `gen_ai.output.messages`."""
    message = Message(Role.ASSISTANT, response.text, response.tool_calls)
    return [{"role": message.role.value, "parts": _parts(message), "finish_reason": response.finish_reason}]


def _parts(message: Message) -> list[Described]:
    if message.role is Role.TOOL:
        return [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}]
    parts = [_text(message.content)] if message.content else []
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
        for call in message.tool_calls
    ]
    return parts


def _text(content: str) -> Described:
    return {"type": "text", "content": content}
