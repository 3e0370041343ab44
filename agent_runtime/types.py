# SPDX-License-Identifier: Apache-2.0
"""What models, tools and the loop exchange; imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Message", "ModelResponse", "Role", "RunResult", "ToolCall", "ToolResult", "ToolSpec", "Usage"]


class Role(StrEnum):
    """Who a message is from."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to run a tool.

    Attributes:
        id: The provider's id of this call; its result refers to it.
        name: Which tool.
        arguments: A JSON object as text, as the model wrote it: not yet validated.
    """

    id: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool call came to.

    Attributes:
        call_id: The id of the call it answers.
        name: Which tool.
        content: The answer for the model; what went wrong when `is_error`.
        is_error: Whether the call failed.
    """

    call_id: str
    name: str
    content: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: Who it is from.
        content: Its text; may be empty beside tool calls.
        tool_calls: An assistant's tool calls.
        tool_call_id: For a tool's message, the call that it answers.
    """

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call or of a whole run.

    Attributes:
        input_tokens: Tokens that were read.
        output_tokens: Tokens that were written.
    """

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """A model's answer.

    Attributes:
        text: What it says; may be empty beside tool calls.
        tool_calls: The tools it wants to run; empty when it is done.
        usage: Tokens as the provider reported them, or None when it did not.
        model: The model that answered, as the provider names it; None: the one asked.
        finish_reason: Why it stopped, in the provider's own word.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    model: str | None = None
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool.

    Attributes:
        name: How the model calls it.
        description: What it is good for.
        input_schema: The JSON schema of its arguments.
    """

    name: str
    description: str
    input_schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run of an agent came to.

    Attributes:
        output: The last answer's text.
        messages: The conversation of this run: prompt, answers and tool results, in order.
        usage: Tokens of all calls that reported them.
        iterations: How many times the model was asked.
        run_id: The run's id, as on its spans.
        tool_results: Every tool call's result, in order.
    """

    output: str
    messages: tuple[Message, ...]
    usage: Usage
    iterations: int
    run_id: str
    tool_results: tuple[ToolResult, ...] = ()
