# SPDX-License-Identifier: Apache-2.0
"""Running tools: one `execute_tool` span per tool used, failures as answers for the model."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from agent_runtime.audit import RunAudit
from agent_runtime.resilience.fallback import Value, first_that_works
from agent_runtime.resilience.guard import CircuitOpenError, Guard
from agent_runtime.tools import InvalidArgumentsError, Tool
from agent_runtime.types import ToolCall, ToolResult, ToolSpec
from telemetry import ErrorCode, KairosError, conventions, execute_tool, get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from agent_runtime.resilience.ledger import Ledger
    from agent_runtime.resilience.policy import Resilience

__all__ = ["ToolCalls"]

_log = get_logger(__name__)


class ToolCalls:
    """An agent's tools and what to fall back to.

    Each tool is a component of its own, `tool.<its name>`: one that fails must not close the
    others. Calls of a tool that does not exist count for the component `tool`.

    Args:
        tools: The tools.
        resilience: What to do about errors.

    Raises:
        ValueError: Two tools have one name, or a fallback is for a tool that does not exist.
    """

    def __init__(self, tools: Sequence[Tool], resilience: Resilience) -> None:
        names = [tool.spec.name for tool in tools]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"tools: {', '.join(twice)} given twice; every tool needs its own name.")
        unknown = sorted(set(resilience.fallback_tools) - set(names))
        if unknown:
            raise ValueError(
                f"fallback_tools: {', '.join(unknown)} is no tool of this agent; "
                f"its tools are: {', '.join(names) or 'none'}."
            )
        self.specs: tuple[ToolSpec, ...] = tuple(tool.spec for tool in tools)
        self._timing = resilience.timing
        fallbacks = resilience.fallback_tools if resilience.is_enabled else {}
        self._chains: dict[str, list[tuple[Tool, Guard] | Value]] = {
            tool.spec.name: [
                each if isinstance(each, Value) else (each, self._guard(each, resilience))
                for each in (tool, *fallbacks.get(tool.spec.name, ()))
            ]
            for tool in tools
        }

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The guards of all tools, fallbacks included."""
        return tuple(
            each[1] for chain in self._chains.values() for each in chain if not isinstance(each, Value)
        )

    async def run(
        self,
        call: ToolCall,
        ledger: Ledger,
        attributes: Mapping[str, str | int],
        audit: RunAudit | None = None,
    ) -> ToolResult:
        """Runs the tool that a model called, and its fallbacks when it fails.

        Args:
            call: The model's call.
            ledger: Open errors of earlier calls of this tool; success makes them good.
            attributes: Attributes of the spans.
            audit: Takes a row for each tool used.

        Returns:
            The result; an error of the tool comes back as text for the model, never as an exception.
        """
        chain = self._chains.get(call.name)
        audit = audit or RunAudit(None, {})
        try:
            if chain is None:
                content = await self._refuse(call, ledger, attributes, audit)
            else:
                content = await first_that_works(
                    [self._candidate(each, call, ledger, attributes, audit) for each in chain],
                    partial(self._log_fallback, call.name),
                    lambda error: isinstance(error, InvalidArgumentsError),  # the model is to correct them
                )
        except Exception as error:  # noqa: BLE001 - counted and on its span; the model is to see it
            _log.warning("tool %s failed: %s", call.name, error)
            return ToolResult(call.id, call.name, f"Error: {error}", is_error=True)
        return ToolResult(call.id, call.name, content)

    def _candidate(
        self,
        candidate: tuple[Tool, Guard] | Value,
        call: ToolCall,
        ledger: Ledger,
        attributes: Mapping[str, str | int],
        audit: RunAudit,
    ) -> Callable[[], Awaitable[str]]:
        if isinstance(candidate, Value):
            return partial(self._give, candidate, ledger)
        return partial(self._use, *candidate, call, ledger, attributes, audit)

    async def _give(self, value: Value, ledger: Ledger) -> str:
        ledger.made_good()
        return value.content

    async def _use(
        self,
        tool: Tool,
        guard: Guard,
        call: ToolCall,
        ledger: Ledger,
        attributes: Mapping[str, str | int],
        audit: RunAudit,
    ) -> str:
        name = tool.spec.name
        with (
            audit.tool_use(name, call.id, call.arguments) as row,
            execute_tool(name, call_id=call.id, **attributes, **_facts(tool)) as span,
        ):
            row.on(span)
            started = time.perf_counter()
            content: str | None = None
            try:
                content = await guard.call(partial(tool.call, call.arguments), ledger)
                row.result(content)
            except CircuitOpenError:
                row.refuse()
                raise
            finally:
                duration_ms = (time.perf_counter() - started) * 1000.0
                is_success = content is not None
                span.set({conventions.TOOL_DURATION_MS: duration_ms, conventions.TOOL_SUCCESS: is_success})
                span.content(arguments=call.arguments, result=content)
            return content

    async def _refuse(
        self, call: ToolCall, ledger: Ledger, attributes: Mapping[str, str | int], audit: RunAudit
    ) -> str:
        with (
            audit.tool_use(call.name, call.id, call.arguments) as row,
            execute_tool(call.name, call_id=call.id, **attributes) as span,
        ):
            row.on(span)
            row.refuse()
            span.set({conventions.TOOL_SUCCESS: False})
            error = KairosError(
                ErrorCode.NOT_FOUND,
                f"there is no tool {call.name!r}; the tools are: {', '.join(self._chains) or 'none'}",
            )
            ledger.failed(error, conventions.COMPONENT_TOOL)
            raise error

    def _guard(self, tool: Tool, resilience: Resilience) -> Guard:
        component = f"{conventions.COMPONENT_TOOL}.{tool.spec.name}"
        policy = resilience.policy(component, resilience.tool)
        return Guard(component, ErrorCode.TOOL_FAILURE, policy, resilience.timing)

    def _log_fallback(self, name: str, error: Exception, _index: int) -> None:
        _log.warning("falling back from tool %s: %s", name, error)


def _facts(tool: Tool) -> dict[str, str]:
    return {
        conventions.TOOL_SOURCE: tool.source,
        conventions.GEN_AI_TOOL_TYPE: "function",
        conventions.GEN_AI_TOOL_DESCRIPTION: tool.spec.description,
    }
