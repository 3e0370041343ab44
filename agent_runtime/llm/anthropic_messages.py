# SPDX-License-Identifier: Apache-2.0
"""Our messages in the form of Anthropic's API: a system prompt, and turns made of blocks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agent_runtime.types import Message, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Block", "Turn", "conversation"]

Block = dict[str, object]
Turn = dict[str, str | list[Block]]


def conversation(messages: Sequence[Message]) -> tuple[str, list[Turn]]:
    """Returns the system prompt, and the rest as turns of user and assistant that alternate.

    All results of one answer's tool calls must be in the one turn after it, and before any text in
    it; neighbours of one role are therefore joined. Empty texts are left out, as the API refuses them.

    Args:
        messages: The conversation.
    """
    system = "\n\n".join(message.content for message in messages if message.role is Role.SYSTEM)
    turns: list[Turn] = []
    blocks: list[Block] = []
    last = ""
    for message in messages:
        if message.role is Role.SYSTEM:
            continue
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        added = _blocks(message)
        if not added:
            continue
        if role != last:
            blocks, last = [], role
            turns.append({"role": role, "content": blocks})
        blocks.extend(added)
    return system, turns


def _blocks(message: Message) -> list[Block]:
    text: list[Block] = [{"type": "text", "text": message.content}] if message.content else []
    if message.role is Role.TOOL:
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}]
    calls: list[Block] = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call.arguments)}
        for call in message.tool_calls
    ]
    return text + calls


def _input(arguments: str) -> object:
    """Returns arguments as the object that the API wants, whatever the model wrote."""
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        value = None
    # As Anthropic's guide to fine-grained tool streaming has it for input that was cut off.
    return value if isinstance(value, dict) else {"INVALID_JSON": arguments}
