# SPDX-License-Identifier: Apache-2.0
"""Using memory: an agent without its memory is worse, not broken, so failures do not end a run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from agent_runtime.resilience.guard import Guard
from agent_runtime.resilience.ledger import Ledger
from telemetry import ErrorCode, conventions, get_logger, observe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from agent_runtime.memory import Memory
    from agent_runtime.resilience.policy import Resilience
    from agent_runtime.types import Message

__all__ = ["MemoryCalls"]

T = TypeVar("T")
_log = get_logger(__name__)


class MemoryCalls:
    """An agent's memory, as the component `memory`.

    Args:
        memory: The memory; None: the agent remembers nothing.
        resilience: What to do about errors.
    """

    def __init__(self, memory: Memory | None, resilience: Resilience) -> None:
        component = conventions.COMPONENT_MEMORY
        policy = resilience.policy(component, resilience.memory)
        self._used: tuple[Memory, Guard] | None = None
        if memory is not None:
            self._used = (memory, Guard(component, ErrorCode.MEMORY_ERROR, policy, resilience.timing))

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The memory's guard, if there is a memory."""
        return () if self._used is None else (self._used[1],)

    async def load(self, session_id: str, attributes: Mapping[str, str | int]) -> Sequence[Message]:
        """Returns what is remembered of a session; nothing when the memory fails."""
        if self._used is None:
            return ()
        memory, guard = self._used
        return await self._use("load", guard, partial(memory.load, session_id), attributes) or ()

    async def append(
        self, session_id: str, messages: Sequence[Message], attributes: Mapping[str, str | int]
    ) -> None:
        """Remembers messages, unless the memory fails."""
        if self._used is not None:
            memory, guard = self._used
            await self._use("append", guard, partial(memory.append, session_id, messages), attributes)

    async def _use(
        self,
        operation: str,
        guard: Guard,
        call: Callable[[], Awaitable[T]],
        attributes: Mapping[str, str | int],
    ) -> T | None:
        ledger = Ledger()
        try:
            with observe(component=guard.component, name=f"{guard.component} {operation}", **attributes):
                return await guard.call(call, ledger)
        except Exception as error:  # noqa: BLE001 - counted and on its span; the run goes on without memory
            _log.warning("going on without memory: %s failed: %s", operation, error)
            return None
        finally:
            ledger.close()
