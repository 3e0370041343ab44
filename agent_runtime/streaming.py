# SPDX-License-Identifier: Apache-2.0
"""One attempt at a streamed answer."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from agent_runtime.llm.assembly import Assembly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from agent_runtime.llm.protocol import StreamingModel
    from agent_runtime.resilience.timeout import Allowance
    from agent_runtime.types import Message, ModelResponse, ToolSpec

__all__ = ["Listener", "streamed"]


class Listener:
    """Whoever reads an answer's text while it is being written.

    Args:
        tell: Told each piece; returns when the next one may come.

    Attributes:
        has_heard: Whether any piece was told: what was told cannot be taken back.
    """

    __slots__ = ("_tell", "has_heard")

    def __init__(self, tell: Callable[[str], Awaitable[None]]) -> None:
        self._tell = tell
        self.has_heard = False

    async def hear(self, text: str) -> None:
        """Tells the next piece, unless it is empty."""
        if text:
            self.has_heard = True
            await self._tell(text)


async def streamed(
    model: StreamingModel,
    messages: Sequence[Message],
    tools: Sequence[ToolSpec],
    listener: Listener,
    first_chunk: Callable[[], None],
    time: Allowance,
) -> ModelResponse:
    """Streams one answer to its end.

    Args:
        model: The model.
        messages: The conversation.
        tools: What the model may call.
        listener: Told the text as it comes.
        first_chunk: Called with every piece, however empty.
        time: What waiting for the model may take in all; the listener's time does not count.

    Returns:
        The whole answer.

    Raises:
        KairosError: The stream ended before the answer did.
        Exception: The model's error.
    """
    answer = Assembly()
    async with aclosing(model.stream(messages, tools)) as chunks:
        while (chunk := await time.spend(lambda: anext(chunks, None))) is not None:
            first_chunk()
            answer.add(chunk)
            await listener.hear(chunk.text_delta)
    return answer.response()
