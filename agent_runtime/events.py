# SPDX-License-Identifier: Apache-2.0
"""What a streamed run tells while it goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent_runtime.types import RunResult, ToolCall, ToolResult

__all__ = ["Emit", "Event", "TextDelta"]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next characters of an answer.

    Attributes:
        text: The characters; never empty.
        iteration: Which answer of the run they belong to, from 1.
    """

    text: str
    iteration: int


Event = TextDelta | ToolCall | ToolResult | RunResult
"""One event of a streamed run.

Text as it arrives, each tool call when its answer is complete, each tool's result as soon as the
tool is done, and at the end, once, what the run came to.
"""

Emit = Callable[[Event], Awaitable[None]]
"""Hands an event to whoever reads the run; returns when the next one is asked for."""
