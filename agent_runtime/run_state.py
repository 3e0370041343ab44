# SPDX-License-Identifier: Apache-2.0
"""What one run of an agent has come to so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_runtime.audit import RunAudit
from agent_runtime.types import Message, Role, RunResult, Usage
from telemetry import conventions

if TYPE_CHECKING:
    from agent_runtime.events import Emit, Event
    from agent_runtime.resilience.ledger import Ledger
    from agent_runtime.types import ModelResponse, ToolResult

__all__ = ["RunState"]


@dataclass(slots=True)
class RunState:
    """One run, from its prompt to its result.

    Attributes:
        run_id: Its id.
        attributes: Attributes of all its spans.
        emit: Takes its events; None: nobody reads them.
        audit: Takes its rows for the audit trail.
        messages: What the model sees.
        new: What this run added to it.
        usage: Tokens so far; None while no call has reported any.
        finish_reason: Why the last answer ended.
        results: What the tools came to.
        ledgers: By tool, errors that no later call made good.
    """

    run_id: str
    attributes: dict[str, str | int]
    emit: Emit | None = None
    audit: RunAudit = field(default_factory=lambda: RunAudit(None, {}))
    messages: list[Message] = field(default_factory=list)
    new: list[Message] = field(default_factory=list)
    usage: Usage | None = None
    finish_reason: str | None = None
    results: list[ToolResult] = field(default_factory=list)
    ledgers: dict[str, Ledger] = field(default_factory=dict)

    async def tell(self, event: Event) -> None:
        """Hands an event to whoever reads the run."""
        if self.emit is not None:
            await self.emit(event)

    def add(self, message: Message) -> None:
        """Adds a message to the conversation."""
        self.messages.append(message)
        self.new.append(message)

    def take(self, response: ModelResponse) -> None:
        """Takes a model's answer."""
        self.add(Message(Role.ASSISTANT, response.text, response.tool_calls))
        self.finish_reason = response.finish_reason
        if response.usage is not None:
            self.usage = response.usage if self.usage is None else self.usage + response.usage

    def totals(self) -> dict[str, int | tuple[str, ...]]:
        """Returns what the run's span tells of all its model calls, only as providers reported it."""
        totals: dict[str, int | tuple[str, ...]] = {}
        if self.usage is not None:
            totals[conventions.INPUT_TOKENS] = self.usage.input_tokens
            totals[conventions.OUTPUT_TOKENS] = self.usage.output_tokens
        if self.finish_reason is not None:
            totals[conventions.FINISH_REASONS] = (self.finish_reason,)
        return totals

    def result(self, output: str, iterations: int) -> RunResult:
        """Returns what the run came to.

        Args:
            output: The last answer's text.
            iterations: How many times the model was asked.
        """
        return RunResult(
            output=output,
            messages=tuple(self.new),
            usage=self.usage or Usage(),
            iterations=iterations,
            run_id=self.run_id,
            tool_results=tuple(self.results),
        )
