# SPDX-License-Identifier: Apache-2.0
"""An MCP server and its tools: connected when entered, connected again after it went away."""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import trace

from agent_runtime.mcp.errors import MCPConnectionError
from agent_runtime.mcp.link import Link
from agent_runtime.mcp.tool import MCPTool
from agent_runtime.mcp.transports import Http, Route, Stdio
from agent_runtime.mcp.wire import Request, TracedTransport, request
from telemetry import MissingExtraError, conventions, get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from mcp import Client
    from mcp_types import CallToolResult

__all__ = ["MCPServer"]

T = TypeVar("T")
_log = get_logger(__name__)


class MCPServer:
    """An MCP server as a source of tools: `async with MCPServer.stdio(...) as server: server.tools`.

    Calls may come from any task of the event loop in which it was entered, at the same time. A
    server that went away is connected to again, or started again, by the next call.

    Args:
        route: How it is reached; `stdio` and `http` make one.
        name: What errors and logs call it; default: its command, or host and port.
        prefix: What the names of its tools begin with, so that those of several servers differ.
        connect_timeout_s: Seconds for connecting and listing the tools.

    Attributes:
        name: The same name.
        session_id: The session's id, where the server gave one.

    Raises:
        ValueError: A setting is out of range.
        MissingExtraError: The package `mcp` is not installed.
    """

    def __init__(
        self, route: Route, *, name: str | None = None, prefix: str = "", connect_timeout_s: float = 30.0
    ) -> None:
        if not connect_timeout_s > 0:
            raise ValueError(f"connect_timeout_s={connect_timeout_s!r}: allowed are numbers above 0.")
        try:
            import mcp
        except ImportError as error:
            raise MissingExtraError("MCP servers", "mcp") from error
        self._client_class = mcp.Client
        self._error_class = mcp.MCPError
        self.name = name or route.name
        self.session_id: str | None = None
        self._route = route
        self._prefix = prefix
        self._connect_timeout_s = connect_timeout_s
        self._link: Link | None = None
        self._connecting = asyncio.Lock()
        self._entered: tuple[asyncio.AbstractEventLoop, contextvars.Context] | None = None

    @classmethod
    def stdio(
        cls,
        command: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        **settings: Any,
    ) -> MCPServer:
        """Returns a server that is a program of ours, spoken to over its standard input and output.

        Args:
            command: The program.
            *arguments: Its arguments.
            env: Environment variables it gets beside the few that are safe (`PATH`, `HOME`, ...).
            cwd: Its working directory.
            **settings: `name`, `prefix`, `connect_timeout_s`.
        """
        return cls(Stdio(command, arguments, env or {}, cwd), **settings)

    @classmethod
    def http(cls, url: str, *, headers: Mapping[str, str] | None = None, **settings: Any) -> MCPServer:
        """Returns a server behind a URL, spoken to over streamable HTTP.

        Args:
            url: The endpoint, such as `https://example.com/mcp`.
            headers: Sent with every request, such as `Authorization`; never shown.
            **settings: `name`, `prefix`, `connect_timeout_s`.
        """
        return cls(Http(url, headers or {}), **settings)

    def __repr__(self) -> str:
        return f"MCPServer({self.name!r})"

    async def __aenter__(self) -> Self:
        self._entered = asyncio.get_running_loop(), contextvars.copy_context()
        try:
            await self._connected()
        except BaseException:
            self._entered = None
            raise
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._entered = None
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    @property
    def facts(self) -> Mapping[str, str | int]:
        """How it is reached, as attributes of spans and metrics."""
        return self._route.facts

    @property
    def tools(self) -> tuple[MCPTool, ...]:
        """The tools that the server listed when it was last connected to."""
        listed = self._link.tools if self._link is not None else ()
        return tuple(MCPTool(self, tool, self._prefix) for tool in listed)

    async def ping(self) -> None:
        """Asks the server for its tools, connecting again first if need be; a health check.

        Raises:
            MCPConnectionError: It cannot be reached.
            mcp.MCPError: It answered with an error.
        """
        await self._ask(lambda client: client.list_tools(cache_mode="bypass"))

    async def call_tool(self, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Calls a tool once, as a part of the current span.

        Args:
            name: The tool, as the server names it.
            arguments: Its arguments.

        Raises:
            MCPConnectionError: The server cannot be reached, or went away.
            mcp.MCPError: The server refused the request.
        """
        span = trace.get_current_span()
        span.set_attributes({conventions.MCP_METHOD: conventions.MCP_METHOD_CALL_TOOL, **self.facts})
        return await self._ask(lambda client: client.call_tool(name, dict(arguments)), span)

    async def _ask(self, ask: Callable[[Client], Awaitable[T]], span: trace.Span = trace.INVALID_SPAN) -> T:
        """Asks once; a second time only when the first never left this process."""
        while True:
            link = await self._connected()
            with request() as sent:
                try:
                    return await ask(link.client)
                except Exception as error:
                    if not self._is_lost(error):
                        raise
                    await link.close()
                    cause = link.failure or error
                    if sent.id is not None:
                        raise MCPConnectionError(
                            self.name, f"went away during a call ({_say(cause)}); the next one connects again"
                        ) from cause
                    _log.warning("MCP server %s went away: %s", self.name, _say(cause))
                finally:
                    self._describe(span, link, sent)

    async def _connected(self) -> Link:
        if self._entered is None or self._entered[0] is not asyncio.get_running_loop():
            raise RuntimeError(
                f"MCP server {self.name!r} is used outside of its `async with` block, or in another event "
                "loop; enter it in the loop that runs the agent, and use `await agent.run(...)` there."
            )
        async with self._connecting:
            if self._link is None or not self._link.is_open:
                self._link = await self._connect(self._entered[1])
            return self._link

    async def _connect(self, context: contextvars.Context) -> Link:
        self.session_id = None
        link = Link(self._make_client)
        began = time.monotonic()
        try:
            await link.open(context, self._connect_timeout_s)
        except TimeoutError as error:
            raise MCPConnectionError(
                self.name, f"did not answer within connect_timeout_s={self._connect_timeout_s:g}"
            ) from error
        except Exception as error:
            raise MCPConnectionError(
                self.name, f"cannot be reached ({_say(error)}); check its command or URL"
            ) from error
        _log.info("connected to MCP server %s in %.2f s", self.name, time.monotonic() - began)
        return link

    def _make_client(self) -> Client:
        return self._client_class(TracedTransport(self._route.open(self._take_session)))

    def _take_session(self, session_id: str) -> None:
        self.session_id = session_id

    def _is_lost(self, error: Exception) -> bool:
        """Whether there is no connection any more; the messages are the official client's own."""
        return isinstance(error, self._error_class) and error.message in (
            "Connection closed",
            "Session terminated",
        )

    def _describe(self, span: trace.Span, link: Link, sent: Request) -> None:
        facts = {
            conventions.MCP_PROTOCOL_VERSION: link.protocol_version,
            conventions.MCP_SESSION_ID: self.session_id,
            conventions.JSONRPC_REQUEST_ID: sent.id,
        }
        span.set_attributes({name: value for name, value in facts.items() if value is not None})


def _say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
