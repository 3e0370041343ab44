# SPDX-License-Identifier: Apache-2.0
"""The loop: ask the model, run the tools it calls, until it answers."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial
from typing import TYPE_CHECKING

from agent_runtime.audit import RunAudit
from agent_runtime.budget import Budget
from agent_runtime.events import TextDelta
from agent_runtime.handoff import events_of
from agent_runtime.memory_calls import MemoryCalls
from agent_runtime.model_calls import ModelCalls
from agent_runtime.resilience.ledger import Ledger
from agent_runtime.resilience.policy import Resilience
from agent_runtime.resilience.timeout import Allowance
from agent_runtime.run_state import RunState
from agent_runtime.tool_calls import ToolCalls
from agent_runtime.tools import Tool, as_tool
from agent_runtime.types import Message, Role, RunResult, ToolCall, ToolResult
from telemetry import ErrorCode, KairosError, conventions, invoke_agent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from agent_runtime.audit import AuditLog
    from agent_runtime.events import Emit, Event
    from agent_runtime.llm.protocol import Model
    from agent_runtime.memory import Memory
    from agent_runtime.resilience.breaker import CircuitBreaker

__all__ = ["Agent"]

Attributes = dict[str, str | int]


def _new_id() -> str:
    return uuid.uuid4().hex


class Agent:
    """An agent that reports by itself: spans, errors, recoveries, health and circuit breakers.

    One agent serves any number of concurrent runs, on one event loop or several; breakers and
    health are shared by them.

    Args:
        model: The model to ask.
        tools: Tools, or typed functions to make into tools.
        memory: What it remembers between the runs of a session; None: nothing.
        instructions: The system message.
        max_iterations: How many times the model is asked in one run at most.
        budget: What one run may cost in tokens and time; default: no limits.
        name: Its name; the span is called `invoke_agent {name}`.
        role: What it is for, in a word; the attribute `kairos.agent.role`.
        resilience: What it does about errors; `Resilience(is_enabled=False)`: nothing but report.
        audit: The audit trail that its runs are written to, such as a `telemetry.AuditTrail`: each run,
            model call and tool call, with sizes and outcomes, never with content. A row takes a fraction of
            a millisecond, in the event loop.
        audit_required: Whether a run ends (`AuditFailedError`) before its next step when a row cannot be
            written. Default: it goes on; the failure is logged, and counted for the component `audit`.
        agent_id: Its id; default: a random one.
        new_id: Makes run ids; injected by tests.

    Raises:
        ValueError: A setting is out of range, or two tools have one name.
        TypeError: A function cannot be made into a tool.
    """

    def __init__(
        self,
        model: Model,
        tools: Sequence[Tool | Callable[..., object]] = (),
        memory: Memory | None = None,
        instructions: str = "",
        max_iterations: int = 10,
        *,
        budget: Budget | None = None,
        name: str = "agent",
        role: str = "assistant",
        resilience: Resilience | None = None,
        audit: AuditLog | None = None,
        audit_required: bool = False,
        agent_id: str | None = None,
        new_id: Callable[[], str] = _new_id,
    ) -> None:
        if max_iterations < 1:
            raise ValueError(
                f"max_iterations={max_iterations!r}: allowed are whole numbers from 1 upwards; "
                "one is an answer without tools."
            )
        resilience = resilience or Resilience()
        self.name = name
        self.agent_id = agent_id or new_id()
        self._instructions = instructions
        self._max_iterations = max_iterations
        self._budget = budget or Budget()
        self._new_id = new_id
        self._audit, self._is_audit_required = audit, audit_required
        self._model = ModelCalls(model, resilience)
        self._tools = ToolCalls([as_tool(tool) for tool in tools], resilience)
        self._memory = MemoryCalls(memory, resilience)
        self._guards = (*self._model.guards, *self._tools.guards, *self._memory.guards)
        self._attributes: Attributes = {
            conventions.AGENT_ID: self.agent_id,
            conventions.AGENT_ROLE: role,
            conventions.AGENT_MODEL: model.name,
            conventions.AGENT_MAX_ITERATIONS: max_iterations,
        }

    @property
    def breakers(self) -> Mapping[str, CircuitBreaker]:
        """The circuit breakers by component, for whoever wants to listen to them."""
        return {guard.component: guard.breaker for guard in self._guards if guard.breaker is not None}

    async def run(self, prompt: str, *, session_id: str | None = None) -> RunResult:
        """Answers a prompt.

        Args:
            prompt: What the user says.
            session_id: The conversation that it belongs to; default: the agent's only one.

        Returns:
            The answer, and how it came about.

        Raises:
            BudgetExceededError: The budget of time (`timeout`) or tokens (`internal_error`) was
                used up.
            AuditFailedError: A row could not be written, and `audit_required` is set.
            KairosError: The model and its fallbacks failed, or it did not finish within
                `max_iterations` (`internal_error`).
            Exception: The last model's error, when its own type says what failed.
            asyncio.CancelledError: The run was cancelled; that is no error.
        """
        return await self._answer(prompt, session_id)

    def run_sync(self, prompt: str, *, session_id: str | None = None) -> RunResult:
        """Answers a prompt from code that is not asynchronous; see `run`.

        It returns when the threads of plain functions used as tools have ended too, those that
        timed out included: Python cannot stop a thread.

        Raises:
            RuntimeError: An event loop is running in this thread: await `run` instead.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.run(prompt, session_id=session_id))
        raise RuntimeError(
            f"agent {self.name!r}: run_sync was called inside a running event loop, which it would block; "
            "use `await agent.run(...)` there."
        )

    def stream(self, prompt: str, *, session_id: str | None = None) -> AsyncGenerator[Event, None]:
        """Answers a prompt and tells what happens meanwhile; otherwise as `run`.

        Models that are no `StreamingModel` give their text in one piece. An error in the middle
        of an answer ends the run when any of its text was told already; before that, attempts
        and fallbacks are made as usual. The run goes on only while events are asked for, and
        closing the generator ends it; that is no error. Close it where you leave early
        (`contextlib.aclosing`), or Python does so some time later.

        Args:
            prompt: What the user says.
            session_id: The conversation that it belongs to; default: the agent's only one.

        Returns:
            `TextDelta` for text as it arrives, `ToolCall` and `ToolResult`, at the end one
            `RunResult`. It raises what `run` raises.
        """

        async def work(emit: Emit) -> None:
            await emit(await self._answer(prompt, session_id, emit))

        return events_of(work)

    async def _answer(self, prompt: str, session_id: str | None, emit: Emit | None = None) -> RunResult:
        for guard in self._guards:
            guard.announce()
        run = RunState(self._new_id(), dict(self._attributes), emit)
        run.attributes[conventions.AGENT_RUN_ID] = run.run_id
        if session_id is not None:
            run.attributes[conventions.SESSION_ID] = session_id
            run.attributes[conventions.CONVERSATION_ID] = session_id
        run.audit = RunAudit(self._audit, run.attributes, is_required=self._is_audit_required)
        time = Allowance(self._budget.max_time_s, partial(self._budget.out_of_time, self.name))
        with invoke_agent(self.name, **run.attributes) as span:
            try:
                return await self._audited(run, prompt, time, session_id or self.agent_id, span)
            finally:
                span.set(run.totals())
                for ledger in run.ledgers.values():
                    ledger.close()

    async def _audited(
        self, run: RunState, prompt: str, time: Allowance, session_id: str, span: object
    ) -> RunResult:
        with run.audit.run(self.name, prompt) as row:
            row.on(span)
            run.audit.check()
            result = await time.spend(partial(self._run, run, prompt, session_id))
            row.result(result.output)
        run.audit.check()
        return result

    async def _run(self, run: RunState, prompt: str, session_id: str) -> RunResult:
        if self._instructions:
            run.messages.append(Message(Role.SYSTEM, self._instructions))
        run.messages.extend(await self._memory.load(session_id, run.attributes))
        run.add(Message(Role.USER, prompt))
        for iteration in range(1, self._max_iterations + 1):
            attributes = {**run.attributes, conventions.AGENT_ITERATION: iteration}
            tell = None if run.emit is None else partial(_tell, run.emit, iteration)
            response = await self._model.complete(
                run.messages, self._tools.specs, attributes, tell, run.audit
            )
            run.audit.check()
            run.take(response)
            if not response.tool_calls:
                await self._memory.append(session_id, run.new, run.attributes)
                return run.result(response.text, iteration)
            self._budget.check(self.name, run.usage)
            attributes[conventions.GEN_AI_AGENT_NAME] = self.name
            for call in response.tool_calls:
                await run.tell(call)
            for result in await self._call_tools(run, response.tool_calls, attributes):
                run.results.append(result)
                run.add(Message(Role.TOOL, result.content, tool_call_id=result.call_id))
            run.audit.check()
        raise KairosError(
            ErrorCode.INTERNAL_ERROR,
            f"agent {self.name!r} did not finish within max_iterations={self._max_iterations}: the model "
            "kept calling tools; allow more iterations, or tell it when to stop.",
            recoverable=False,
        )

    async def _call_tools(
        self, run: RunState, calls: Sequence[ToolCall], attributes: Attributes
    ) -> list[ToolResult]:
        """Runs the calls of one answer at the same time; results come in the calls' order.

        A call makes good what earlier answers' calls of the same tool left open. Errors of calls
        beside it are not its doing: they are added when all are done.
        """
        ledgers = [Ledger() for _ in calls]
        for call, ledger in zip(calls, ledgers, strict=True):
            if call.name in run.ledgers:
                ledger.merge(run.ledgers.pop(call.name))
        if len(calls) == 1:
            results = [await self._call_tool(run, calls[0], ledgers[0], attributes)]
        else:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._call_tool(run, call, ledger, attributes))
                    for call, ledger in zip(calls, ledgers, strict=True)
                ]
            results = [task.result() for task in tasks]
        for call, ledger in zip(calls, ledgers, strict=True):
            run.ledgers.setdefault(call.name, Ledger()).merge(ledger)
        return results

    async def _call_tool(
        self, run: RunState, call: ToolCall, ledger: Ledger, attributes: Attributes
    ) -> ToolResult:
        result = await self._tools.run(call, ledger, attributes, run.audit)
        await run.tell(result)
        return result


async def _tell(emit: Emit, iteration: int, text: str) -> None:
    await emit(TextDelta(text, iteration))
