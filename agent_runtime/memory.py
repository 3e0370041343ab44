# SPDX-License-Identifier: Apache-2.0
"""Memory: what an agent remembers of a conversation between runs."""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import dropwhile
from threading import Lock
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from agent_runtime.faults import FaultPlan
from agent_runtime.types import Message, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["InProcessMemory", "Memory", "require_bound", "without_orphans"]


@runtime_checkable
class Memory(Protocol):
    """Keeps conversations by session."""

    async def load(self, session_id: str) -> Sequence[Message]:
        """Returns a session's messages, oldest first; none for one that is not known.

        Raises:
            Exception: Whatever the storage raises; it is counted as `memory_error`.
        """
        ...

    async def append(self, session_id: str, messages: Sequence[Message]) -> None:
        """Adds messages to a session.

        Raises:
            Exception: Whatever the storage raises; it is counted as `memory_error`.
        """
        ...


def without_orphans(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Returns a session's messages without tools' results whose calls have been forgotten.

    They are meaningless, and rejected by providers, without the call before them.
    """
    return tuple(dropwhile(lambda message: message.role is Role.TOOL, messages))


def require_bound(setting: str, value: int) -> None:
    """Checks a bound of a memory.

    Raises:
        ValueError: It is below 1.
    """
    if value < 1:
        raise ValueError(f"{setting}={value!r}: allowed are whole numbers from 1 upwards.")


class InProcessMemory:
    """Memory in this process, bounded in both directions; thread-safe.

    Args:
        max_sessions: Sessions kept; the one unused for longest goes first.
        max_messages: Messages kept per session; the oldest go first.
        faults: Faults to show, one per call; for tests and the demo.
    """

    def __init__(
        self, *, max_sessions: int = 1000, max_messages: int = 200, faults: FaultPlan | None = None
    ) -> None:
        require_bound("max_sessions", max_sessions)
        require_bound("max_messages", max_messages)
        self.faults = faults or FaultPlan()
        self._max_sessions = max_sessions
        self._max_messages = max_messages
        self._sessions: OrderedDict[str, deque[Message]] = OrderedDict()
        self._lock = Lock()

    async def load(self, session_id: str) -> Sequence[Message]:
        """See `Memory.load`."""
        await self.faults.next()
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                return ()
            self._sessions.move_to_end(session_id)
            return without_orphans(session)

    async def append(self, session_id: str, messages: Sequence[Message]) -> None:
        """See `Memory.append`."""
        await self.faults.next()
        with self._lock:
            session = self._sessions.setdefault(session_id, deque(maxlen=self._max_messages))
            self._sessions.move_to_end(session_id)
            session.extend(messages)
            while len(self._sessions) > self._max_sessions:
                self._sessions.popitem(last=False)
