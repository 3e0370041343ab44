# SPDX-License-Identifier: Apache-2.0
"""A model that follows a script: for tests, examples and the demo, without a network."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_runtime.faults import Fault, connection_reset, strike
from agent_runtime.types import Message, ModelChunk, ModelResponse, ToolCall, ToolCallDelta, ToolSpec, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence

__all__ = ["Broken", "ScriptedModel", "Step", "break_off", "call_tools", "say"]


@dataclass(frozen=True, slots=True)
class Broken:
    """An answer that a fault strikes in the middle of; before it, where it is not streamed.

    Attributes:
        response: The answer; streamed up to its last piece.
        fault: What strikes then; None: the stream just ends.
    """

    response: ModelResponse
    fault: Fault | None = None


Step = ModelResponse | Fault | Broken
"""One step of a script: an answer, a fault that strikes instead of it, or an answer that breaks off.

A fault that only takes time (`delay`) is followed by the next step in the same call.
"""


def say(text: str, *, usage: Usage | None = None) -> ModelResponse:
    """Returns a final answer."""
    return ModelResponse(text=text, usage=usage)


def break_off(text: str, fault: Fault | None = None) -> Broken:
    """Returns an answer that never gets to its end; one that is not streamed does not begin.

    Args:
        text: What is said before.
        fault: What strikes then; None: the stream just ends.
    """
    return Broken(ModelResponse(text=text), fault)


def call_tools(
    *calls: tuple[str, Mapping[str, object] | str], text: str = "", usage: Usage | None = None
) -> ModelResponse:
    """Returns an answer that calls tools.

    Args:
        calls: Pairs of a tool's name and its arguments; arguments that are already text are
            passed on as they are, so that a script can hold malformed ones.
        text: What the model says beside.
        usage: Tokens to report.
    """
    tool_calls = tuple(
        ToolCall(
            id=f"call_{number}",
            name=name,
            arguments=arguments if isinstance(arguments, str) else json.dumps(arguments),
        )
        for number, (name, arguments) in enumerate(calls, start=1)
    )
    return ModelResponse(text=text, tool_calls=tool_calls, usage=usage, finish_reason="tool_calls")


_REQUESTS_KEPT = 100


class ScriptedModel:
    """A model that answers with the steps of a script, in order, and shows the faults in it.

    Not thread-safe in its order: give each thread its own, or expect steps to interleave.

    Args:
        steps: The script. A call past its end raises `IndexError`, so that a test notices.
        name: The model's name.
        provider: The provider's name.
        sleep: How delays pass; injected by tests.
    """

    def __init__(
        self,
        steps: Iterable[Step] = (),
        *,
        name: str = "scripted",
        provider: str = "scripted",
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.provider = provider
        self.requests: deque[tuple[Message, ...]] = deque(maxlen=_REQUESTS_KEPT)
        """The last conversations it was asked to answer, oldest first."""
        self._steps = list(steps)
        self._sleep = sleep

    @property
    def remaining(self) -> int:
        """How many steps were not played yet."""
        return len(self._steps)

    def order(self, *steps: Step) -> None:
        """Appends steps to the script."""
        self._steps.extend(steps)

    async def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],  # noqa: ARG002 - the protocol's; the script knows its tool calls
    ) -> ModelResponse:
        """Plays the next step.

        Raises:
            IndexError: The script has ended.
            Exception: The step's fault.
        """
        step = await self._next(messages)
        if isinstance(step, ModelResponse):
            return step
        await strike(step.fault or connection_reset(), self._sleep)
        return step.response

    async def stream(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],  # noqa: ARG002 - the protocol's; the script knows its tool calls
    ) -> AsyncGenerator[ModelChunk, None]:
        """Plays the next step word by word.

        Raises:
            IndexError: The script has ended.
            Exception: The step's fault.
        """
        step = await self._next(messages)
        response = step if isinstance(step, ModelResponse) else step.response
        for word in re.findall(r"\s*\S+|\s+$", response.text):
            yield ModelChunk(text_delta=word)
        if isinstance(step, Broken):
            if step.fault is None:
                return
            await strike(step.fault, self._sleep)
        for index, call in enumerate(response.tool_calls):
            yield ModelChunk(tool_calls=(ToolCallDelta(index, call.id, call.name),))
            yield ModelChunk(tool_calls=(ToolCallDelta(index, arguments=call.arguments),))
        yield ModelChunk(
            usage=response.usage,
            finish_reason=response.finish_reason,
            model=response.model,
            response_id=response.response_id,
        )

    async def _next(self, messages: Sequence[Message]) -> ModelResponse | Broken:
        self.requests.append(tuple(messages))
        while True:
            if not self._steps:
                raise IndexError(
                    f"ScriptedModel {self.name!r} was called, but its script has ended; "
                    "give it one step per attempt, retries included."
                )
            step = self._steps.pop(0)
            if not isinstance(step, Fault):
                return step
            await strike(step, self._sleep)
