# SPDX-License-Identifier: Apache-2.0
"""What the loop asks of a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from agent_runtime.types import Message, ModelChunk, ModelResponse, ToolSpec

__all__ = ["Model", "StreamingModel"]


@runtime_checkable
class Model(Protocol):
    """A language model behind some provider.

    A model makes one attempt and raises what went wrong as its client raises it: retries,
    timeouts and telemetry are the loop's. It may have `attributes`, a mapping that its spans and
    metrics carry, such as `server.address`.
    """

    @property
    def name(self) -> str:
        """The model as the provider names it; the span is called `chat {name}`."""
        ...

    @property
    def provider(self) -> str:
        """The provider, as OpenTelemetry's `gen_ai.provider.name` spells it."""
        ...

    async def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> ModelResponse:
        """Answers a conversation.

        Args:
            messages: The conversation so far.
            tools: What the model may call.

        Returns:
            The answer, or the tools to run first.

        Raises:
            Exception: Whatever the client raises; it is classified by the loop.
        """
        ...


@runtime_checkable
class StreamingModel(Model, Protocol):
    """A language model that can hand over its answer in pieces while it is being written."""

    def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelChunk, None]:
        """Answers a conversation piece by piece; implemented as an async generator.

        Nothing is requested before the first piece is asked for. The last pieces have the finish
        reason and, where the provider tells it, the usage. Closing the generator early ends the
        request and releases its connection.

        Args:
            messages: The conversation so far.
            tools: What the model may call.

        Returns:
            The pieces of the answer, in order.

        Raises:
            Exception: Whatever the client raises, before or in the middle of the answer.
        """
        ...
