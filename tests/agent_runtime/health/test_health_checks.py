# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support import mcp_server
from support.ports import free_port

from agent_runtime import FunctionTool, InProcessMemory
from agent_runtime.faults import FaultPlan, rate_limit, timeout
from agent_runtime.health import http_check, mcp_check, memory_check, model_check, tool_check
from agent_runtime.llm import ScriptedModel, say
from agent_runtime.mcp import MCPServer


@pytest.fixture
def site():
    """A server that answers with the status in its path, and redirects /moved to /200."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("x-key"))
            is_moved = self.path == "/moved"
            self.send_response(302 if is_moved else int(self.path[1:]))
            if is_moved:
                self.send_header("Location", "/200")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_is_asked():
    check = model_check(ScriptedModel([say("pong"), rate_limit()]))
    asyncio.run(check())
    with pytest.raises(Exception, match=r"429|rate"):
        asyncio.run(check())


def test_a_memory_is_read():
    asyncio.run(memory_check(InProcessMemory())())
    with pytest.raises(TimeoutError):
        asyncio.run(memory_check(InProcessMemory(faults=FaultPlan([timeout()])))())


def test_a_tool_is_called_with_the_arguments():
    seen = []

    def look(word: str) -> None:
        seen.append(word)

    asyncio.run(tool_check(FunctionTool(look), '{"word": "tea"}')())
    assert seen == ["tea"]


def test_an_mcp_server_is_asked_and_started_again():
    async def main():
        server = MCPServer.stdio(*mcp_server.COMMAND, "stdio", env=mcp_server.environment())
        async with server:
            check = mcp_check(server)
            await check()
            with pytest.raises(Exception, match="went away"):
                await server.call_tool("die", {})
            await check()

    asyncio.run(main())


def test_a_url_is_asked_with_its_headers_and_followed(site):
    url, seen = site
    http_check(f"{url}/200", headers={"X-Key": "k"})()
    http_check(f"{url}/moved")()
    assert seen == ["k", None, None]


@pytest.mark.parametrize("status", [404, 503])
def test_a_status_that_is_not_expected_is_a_failure(site, status):
    with pytest.raises(ConnectionError, match=f"127.0.0.1 answered {status}"):
        http_check(f"{site[0]}/{status}")()
    http_check(f"{site[0]}/{status}", expect={status})()


def test_a_server_that_is_not_there_is_a_failure():
    with pytest.raises(OSError, match="refused"):
        http_check(f"http://127.0.0.1:{free_port()}/")()


def test_what_is_no_url_of_http_is_refused_without_its_password():
    with pytest.raises(ValueError, match=r"url='ftp://host': allowed are http") as refused:
        http_check("ftp://me:s3cret@host/")
    assert "s3cret" not in str(refused.value)
