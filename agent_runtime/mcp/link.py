# SPDX-License-Identifier: Apache-2.0
"""One connection to an MCP server, from handshake to end, owned by a task of its own.

The official client must be closed by the task that opened it, and a failing transport cancels that
task. Calls come from any task of an agent, so none of them may be the one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable

    from mcp import Client
    from mcp_types import Tool as Listed

__all__ = ["Link"]

_MAX_PAGES = 1000
"""Pages of a list of tools; a server that has more is one whose list never ends."""


class Link:
    """A connection; the first thing to do with it is `open`.

    Attributes:
        client: The official client, connected.
        protocol_version: What both sides agreed on.
        tools: The server's tools as it listed them.
        failure: What ended the connection, where it was not `close`.
    """

    def __init__(self, make_client: Callable[[], Client]) -> None:
        self._make_client = make_client
        self._stop = asyncio.Event()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None]
        self.client: Client
        self.protocol_version = ""
        self.tools: tuple[Listed, ...] = ()
        self.failure: Exception | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls may be tried; a server that died without a word is found out by a call."""
        return not self._task.done() and not self._stop.is_set()

    async def open(self, context: contextvars.Context, timeout_s: float) -> None:
        """Connects and lists the tools.

        Args:
            context: What the connection's own work belongs to.
            timeout_s: Seconds for all of it.

        Raises:
            TimeoutError: It took longer.
            Exception: Whatever the transport or the server said.
        """
        self._task = asyncio.create_task(self._live(), context=context)
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._opened)
        except BaseException:
            self._task.cancel()
            await self.close()
            raise

    async def close(self) -> None:
        """Ends the connection, and the server's process where it is ours. Never raises."""
        self._stop.set()
        await asyncio.wait({self._task})

    async def _live(self) -> None:
        try:
            async with self._make_client() as client:
                self.client, self.protocol_version = client, client.protocol_version
                self.tools = await _list_tools(client)
                self._opened.set_result(None)
                await self._stop.wait()
        except Exception as error:  # noqa: BLE001 - kept for whoever calls next; nobody awaits this task
            self.failure = _innermost(error)
            if not self._opened.done():
                self._opened.set_exception(self.failure)
        finally:
            self._opened.cancel()  # if this task was cancelled before it was done


async def _list_tools(client: Client) -> tuple[Listed, ...]:
    if client.server_capabilities.tools is None:
        return ()
    tools: list[Listed] = []
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        page: Any = await client.list_tools(cursor=cursor, cache_mode="bypass")
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            return tuple(tools)
    raise ValueError(f"the list of tools did not end after {_MAX_PAGES} pages")


def _innermost(error: Exception) -> Exception:
    """Returns the first error inside groups: task groups wrap even a single one."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
