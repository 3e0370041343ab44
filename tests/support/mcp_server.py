# SPDX-License-Identifier: Apache-2.0
"""A real MCP server, made with the official package: over stdio, or over HTTP on a port of this machine.

python mcp_server.py stdio | python mcp_server.py http PORT
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from support.ports import free_port, is_listening
from support.waiting import wait_for

if TYPE_CHECKING:
    from types import TracebackType

HERE = Path(__file__)
COMMAND = (sys.executable, str(HERE))


def environment() -> dict[str, str]:
    """What the server's process needs beyond what every MCP server is given."""
    return {"PYTHONPATH": str(HERE.parent.parent)}


class HttpServer:
    """The server over HTTP, in a process of its own.

    Args:
        port: Where it listens; default: a free port.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def __enter__(self) -> HttpServer:
        self._process = subprocess.Popen(
            [*COMMAND, "http", str(self.port)],
            env={**os.environ, **environment()},
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: is_listening(self.port), 30, "the MCP server")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the process at once."""
        self._process.kill()
        self._process.wait(10)


def make_server() -> MCPServer:
    """The server and its tools."""
    server = MCPServer("tea house")

    @server.tool()
    def search(query: str, limit: int = 3) -> str:
        """Search the archive."""
        return f"{limit} documents about {query}"

    @server.tool()
    def seen(ctx: Context[Any, Any]) -> dict[str, Any]:
        """Tell what came with the request."""
        return {key: value for key, value in (ctx.request_context.meta or {}).items() if "/" not in key}

    @server.tool()
    def fail(reason: str = "the kettle is empty") -> str:
        """Fail."""
        raise ToolError(reason)

    @server.tool(structured_output=False)
    def picture() -> Any:
        """Give a picture and a word."""
        return ["a word", Image(data=b"1234", format="png")]

    @server.tool()
    def silence() -> None:
        """Say nothing in words."""

    @server.tool()
    def die() -> str:
        """End the process in the middle of the call."""
        os._exit(3)

    @server.tool()
    def retire() -> str:
        """Answer, and end the process soon after."""
        threading.Timer(0.05, os._exit, (0,)).start()
        return "good bye"

    @server.tool()
    async def wait(started: str, cancelled: str) -> str:
        """Wait to be cancelled, and leave a file then."""
        await anyio.Path(started).touch()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.Path(cancelled).touch()
        return "never"

    return server


def main(transport: str, port: str = "0") -> None:
    """Serves until it is ended."""
    server = make_server()
    if transport == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
