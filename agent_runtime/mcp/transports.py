# SPDX-License-Identifier: Apache-2.0
"""How an MCP server is reached: the official client's transports, made anew for each connection."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from telemetry import conventions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from httpx2 import Response

__all__ = ["Http", "Route", "Stdio"]

_SESSION_HEADER = "mcp-session-id"
_CONNECT_TIMEOUT_S = 30.0
_READ_TIMEOUT_S = 300.0  # as the official client has it: a server may hold a stream open


class Route(Protocol):
    """A way to a server.

    Attributes:
        name: What to call the server, where nobody named it.
        facts: Attributes of spans.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above

    @property
    def facts(self) -> Mapping[str, str | int]: ...  # noqa: D102 - see above

    def open(self, on_session: Callable[[str], None]) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        """Returns a transport of the official client.

        Args:
            on_session: Told the session's id, where there is one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stdio:
    """A program of ours, spoken to over its standard input and output.

    Attributes:
        command: The program.
        arguments: Its arguments.
        env: Environment variables it gets beside the few that are safe (`PATH`, `HOME`, ...).
        cwd: Its working directory.
    """

    command: str
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | Path | None = None

    @property
    def name(self) -> str:
        """The command."""
        return self.command

    @property
    def facts(self) -> Mapping[str, str | int]:
        """See `Route`."""
        return {conventions.NETWORK_TRANSPORT: "pipe"}

    def open(self, on_session: Callable[[str], None]) -> AbstractAsyncContextManager[tuple[Any, Any]]:  # noqa: ARG002 - a process is its own session
        """See `Route`."""
        from mcp import StdioServerParameters, stdio_client

        parameters = StdioServerParameters(
            command=self.command, args=list(self.arguments), env=dict(self.env), cwd=self.cwd
        )
        # Its default is what sys.stderr was when it was imported.
        return stdio_client(parameters, errlog=sys.stderr)


@dataclass(frozen=True, slots=True)
class Http:
    """A server behind a URL, spoken to over streamable HTTP.

    Attributes:
        url: The endpoint.
        headers: Sent with every request; never shown.

    Raises:
        ValueError: It is no URL of HTTP.
    """

    url: str = field(repr=False)  # it may have a password in it
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"url={self.url!r}: allowed are http:// and https:// URLs with a host, "
                "such as 'https://example.com/mcp'."
            )

    @property
    def name(self) -> str:
        """Host and port."""
        host, port = self._server
        return f"{host}:{port}"

    @property
    def facts(self) -> Mapping[str, str | int]:
        """See `Route`."""
        host, port = self._server
        return {
            conventions.NETWORK_TRANSPORT: "tcp",
            conventions.NETWORK_PROTOCOL: "http",
            conventions.SERVER_ADDRESS: host,
            conventions.SERVER_PORT: port,
        }

    @property
    def _server(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    @asynccontextmanager
    async def open(self, on_session: Callable[[str], None]) -> AsyncIterator[tuple[Any, Any]]:
        """See `Route`."""
        from httpx2 import AsyncClient, Timeout
        from mcp.client.streamable_http import streamable_http_client

        async def look(response: Response) -> None:
            session = response.headers.get(_SESSION_HEADER)
            if session is not None:
                on_session(session)

        async with (
            AsyncClient(
                headers=dict(self.headers),
                timeout=Timeout(_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S),
                event_hooks={"response": [look]},
            ) as client,
            streamable_http_client(self.url, http_client=client) as streams,
        ):
            yield streams
