# SPDX-License-Identifier: Apache-2.0
"""Putting a streamed answer together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_runtime.types import ModelResponse, ToolCall
from telemetry import ErrorCode, KairosError

if TYPE_CHECKING:
    from agent_runtime.types import ModelChunk, Usage

__all__ = ["Assembly"]


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Assembly:
    """The pieces of one streamed answer, as far as they have come."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._usage: Usage | None = None
        self._model: str | None = None
        self._finish_reason: str | None = None
        self._response_id: str | None = None

    def add(self, chunk: ModelChunk) -> None:
        """Takes the next piece."""
        self._text.append(chunk.text_delta)
        for delta in chunk.tool_calls:
            call = self._calls.setdefault(delta.index, _Call())
            call.id = delta.id or call.id
            call.name = delta.name or call.name
            call.arguments.append(delta.arguments)
        self._usage = chunk.usage or self._usage
        self._model = chunk.model or self._model
        self._finish_reason = chunk.finish_reason or self._finish_reason
        self._response_id = chunk.response_id or self._response_id

    def response(self) -> ModelResponse:
        """Returns the whole answer.

        Raises:
            KairosError: The stream ended before the answer did (`llm_error`, recoverable).
        """
        if self._finish_reason is None:
            raise KairosError(
                ErrorCode.LLM_ERROR,
                "the stream ended before the answer was complete: no finish reason came; "
                "the connection was cut, or the service gave up.",
                recoverable=True,
            )
        return ModelResponse(
            text="".join(self._text),
            tool_calls=tuple(
                ToolCall(call.id, call.name, "".join(call.arguments) or "{}")
                for _, call in sorted(self._calls.items())
            ),
            usage=self._usage,
            model=self._model,
            finish_reason=self._finish_reason,
            response_id=self._response_id,
        )
