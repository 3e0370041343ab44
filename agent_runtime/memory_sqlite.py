# SPDX-License-Identifier: Apache-2.0
"""Memory in an SQLite file: conversations that outlive the process."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from agent_runtime.memory import require_bound, without_orphans
from agent_runtime.types import Message, Role, ToolCall
from telemetry import ErrorCode, KairosError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

__all__ = ["SQLiteMemory"]

T = TypeVar("T")

_VERSION = 1
_SCHEMA = (
    "CREATE TABLE sessions (id TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX sessions_by_use ON sessions (used)",
    "CREATE TABLE messages (number INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL, "
    "session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE)",
    "CREATE INDEX messages_by_session ON messages (session, number)",
    f"PRAGMA user_version = {_VERSION}",
)
# `used` is a counter, not a time: clocks are set back.
_USE = """
INSERT INTO sessions (id, used) VALUES (?, (SELECT coalesce(max(used), 0) + 1 FROM sessions))
ON CONFLICT (id) DO UPDATE SET used = excluded.used
"""
_TRIM_SESSION = """
DELETE FROM messages WHERE session = ?1 AND number <= (
    SELECT number FROM messages WHERE session = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
"""
_TRIM_SESSIONS = (
    "DELETE FROM sessions WHERE used <= (SELECT used FROM sessions ORDER BY used DESC LIMIT 1 OFFSET ?)"
)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SQLiteMemory:
    """Memory in an SQLite file, bounded like `InProcessMemory`; thread-safe.

    Several processes may use one file. The file is opened with the first call, in a thread of its
    own that does all the work, so the event loop never waits for the disk; after a fork the child
    needs a SQLiteMemory of its own. A new file can be read by its owner only.

    Args:
        path: The file, made when it does not exist; its folder must exist. `:memory:` keeps
            everything in this process.
        max_sessions: Sessions kept; the one unused for longest goes first.
        max_messages: Messages kept per session; the oldest go first.
        busy_timeout_s: Seconds to wait for another process that is writing.

    Raises:
        ValueError: A number is too small.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_sessions: int = 1000,
        max_messages: int = 200,
        busy_timeout_s: float = 2.0,
    ) -> None:
        require_bound("max_sessions", max_sessions)
        require_bound("max_messages", max_messages)
        self._path = os.fspath(path)
        self._max_sessions = max_sessions
        self._max_messages = max_messages
        self._busy_timeout_s = busy_timeout_s
        self._connection: sqlite3.Connection | None = None  # of the thread, which alone touches it
        self._thread = ThreadPoolExecutor(1, "kairos-sqlite-memory")
        self._is_closed = False

    async def load(self, session_id: str) -> Sequence[Message]:
        """See `Memory.load`."""

        def work(connection: sqlite3.Connection) -> Sequence[Message]:
            rows = connection.execute(
                "SELECT message FROM messages WHERE session = ? ORDER BY number", (session_id,)
            ).fetchall()
            if rows:
                connection.execute(_USE, (session_id,))
            return without_orphans(_read(row[0]) for row in rows)

        return await self._do(work)

    async def append(self, session_id: str, messages: Sequence[Message]) -> None:
        """See `Memory.append`. All of the messages are kept, or none when it fails or is cancelled."""
        rows = [(session_id, _written(message)) for message in messages]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_USE, (session_id,))
            connection.executemany("INSERT INTO messages (session, message) VALUES (?, ?)", rows)
            connection.execute(_TRIM_SESSION, (session_id, self._max_messages))
            connection.execute(_TRIM_SESSIONS, (self._max_sessions,))

        await self._do(work)

    def close(self) -> None:
        """Closes the file; waits for calls that are under way. Calls after it fail."""
        if self._is_closed:
            return
        self._is_closed = True
        self._thread.submit(self._disconnect)
        self._thread.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._is_closed:
            raise self._failure("it is closed; make another.")
        abandoned = Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._transact, work, abandoned)
        except asyncio.CancelledError:
            # A timeout too: the next attempt must not find this one's messages there already.
            abandoned.set()
            raise

    def _transact(self, work: Callable[[sqlite3.Connection], T], abandoned: Event) -> T:
        try:
            if self._connection is None:
                self._connection = self._connect()
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                if not abandoned.is_set():
                    connection.commit()
            finally:
                connection.rollback()  # does nothing after a commit that worked
        except sqlite3.Error as error:
            raise self._failure(f"{error}.", error, is_recoverable=_is_busy(error)) from error
        return result

    def _connect(self) -> sqlite3.Connection:
        if self._path != ":memory:" and Path(self._path).parent.is_dir():
            Path(self._path).touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=self._busy_timeout_s, isolation_level=None)
        try:
            self._use_wal(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Makes commits cheaper, and readers and a writer wait less, if nobody is using the file now.

        SQLite does not wait for others here, whatever the timeout; the file's next user gets to do it.
        """
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise self._failure(
                f"the file has version {version} of its tables, this release knows {_VERSION}; "
                "use another file, or the release that wrote it."
            )
        if version < _VERSION:
            for statement in _SCHEMA:
                connection.execute(statement)
        connection.commit()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _failure(
        self, problem: str, cause: Exception | None = None, *, is_recoverable: bool = False
    ) -> KairosError:
        return KairosError(
            ErrorCode.MEMORY_ERROR,
            f"SQLiteMemory({self._path!r}): {problem}",
            cause=cause,
            recoverable=is_recoverable,
        )


def _is_busy(error: sqlite3.Error) -> bool:
    # Extended codes have the kind of error in their lowest byte.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def _written(message: Message) -> str:
    calls = [[call.id, call.name, call.arguments] for call in message.tool_calls]
    return json.dumps([message.role, message.content, calls, message.tool_call_id], ensure_ascii=False)


def _read(text: str) -> Message:
    role, content, calls, tool_call_id = json.loads(text)
    return Message(Role(role), content, tuple(ToolCall(*call) for call in calls), tool_call_id)
