# SPDX-License-Identifier: Apache-2.0
"""What the loop asks of a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_runtime.types import Message, ModelResponse, ToolSpec

__all__ = ["Model"]


@runtime_checkable
class Model(Protocol):
    """A language model behind some provider.

    A model makes one attempt and raises what went wrong as its client raises it: retries,
    timeouts and telemetry are the loop's.
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
