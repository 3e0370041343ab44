# SPDX-License-Identifier: Apache-2.0
"""What models, tools and the loop exchange; imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Message",
    "ModelChunk",
    "ModelResponse",
    "Role",
    "RunResult",
    "ToolCall",
    "ToolCallDelta",
    "ToolResult",
    "ToolSpec",
    "Usage",
]


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


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call or of a whole run.

    Attributes:
        input_tokens: Tokens that were read, those from a cache included.
        output_tokens: Tokens that were written, those of reasoning included.
        cache_read_tokens: Input tokens that came from the provider's cache; None: it did not say.
        cache_creation_tokens: Input tokens that were written to the provider's cache, likewise.
        reasoning_tokens: Output tokens that were spent on reasoning, likewise.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def total_tokens(self) -> int:
        """Tokens read and written."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            _sum(self.cache_read_tokens, other.cache_read_tokens),
            _sum(self.cache_creation_tokens, other.cache_creation_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
        )


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """A model's answer.

    Attributes:
        text: What it says; may be empty beside tool calls.
        tool_calls: The tools it wants to run; empty when it is done.
        usage: Tokens as the provider reported them, or None when it did not.
        model: The model that answered, as the provider names it; None: the one asked.
        finish_reason: Why it stopped, in the provider's own word.
        response_id: The provider's id of the answer; None: it has none.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    model: str | None = None
    finish_reason: str = "stop"
    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call in a streamed answer.

    Attributes:
        index: Which call of the answer it belongs to; calls come in the order of their indexes,
            which may have gaps.
        id: The provider's id of the call; in the call's first piece.
        name: Which tool; in the call's first piece.
        arguments: The next characters of the arguments.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ModelChunk:
    """A piece of a streamed answer; whatever it does not tell is empty or None.

    Attributes:
        text_delta: The next characters of the text.
        tool_calls: The next pieces of tool calls.
        usage: Tokens of the whole answer as far as reported; the last one given counts.
        finish_reason: Why it stopped, in the provider's own word. A stream that ends without one
            has been cut off: the loop takes that as an error.
        model: The model that answers, as the provider names it.
        response_id: The provider's id of the answer.
    """

    text_delta: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    usage: Usage | None = None
    finish_reason: str | None = None
    model: str | None = None
    response_id: str | None = None


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
