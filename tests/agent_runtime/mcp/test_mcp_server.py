# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest
from mcp import MCPError
from opentelemetry import baggage, context
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id
from support import mcp_server
from support.mcp_sessions import SessionServer
from support.waiting import wait_for

from agent_runtime import Agent, Policy, Resilience, RetrySettings, Timing
from agent_runtime.llm import ScriptedModel, call_tools, say
from agent_runtime.mcp import MCPConnectionError, MCPServer
from telemetry import HealthStatus, MissingExtraError, execute_tool
from telemetry import conventions as names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


async def no_wait(_seconds: float) -> None:
    await asyncio.sleep(0)


def own_server(**settings) -> MCPServer:
    return MCPServer.stdio(*mcp_server.COMMAND, "stdio", env=mcp_server.environment(), name="tea", **settings)


@pytest.fixture(scope="module")
def http_server() -> Iterator[mcp_server.HttpServer]:
    with mcp_server.HttpServer() as server:
        yield server


async def ask(server: MCPServer, *calls: tuple[str, dict[str, object]], policy: Policy | None = None):
    """Runs an agent whose model makes these calls, one after the other."""
    model = ScriptedModel([*(call_tools(call) for call in calls), say("done")])
    resilience = Resilience(tool=policy or Policy.off(), timing=Timing(sleep=no_wait))
    return await Agent(model, server.tools, resilience=resilience).run("hello")


def run(server: MCPServer, *calls: tuple[str, dict[str, object]], policy: Policy | None = None):
    async def main():
        async with server:
            return await ask(server, *calls, policy=policy)

    return asyncio.run(main())


def own_trace(span) -> str:
    return f"00-{format_trace_id(span.context.trace_id)}-{format_span_id(span.context.span_id)}-01"


def test_a_tool_over_stdio_is_one_span_with_the_attributes_of_mcp(observed):
    result = run(own_server(), ("search", {"query": "tea"}))
    assert result.tool_results[0].content == "3 documents about tea"
    assert not [span.name for span in observed.spans if "tools/call" in span.name]
    attributes = observed.span("execute_tool search").attributes
    told = {
        names.TOOL_SOURCE: "mcp",
        names.MCP_METHOD: "tools/call",
        names.MCP_PROTOCOL_VERSION: "2026-07-28",
        names.NETWORK_TRANSPORT: "pipe",
        names.TOOL_SUCCESS: True,
    }
    assert {name: attributes.get(name) for name in told} == told
    assert int(attributes[names.JSONRPC_REQUEST_ID]) > 0
    assert observed.span("execute_tool search").status.status_code is StatusCode.UNSET
    assert observed.errors == {}


def test_a_tool_over_http_says_which_server_it_asked(observed, http_server):
    result = run(MCPServer.http(http_server.url), ("search", {"query": "tea", "limit": 1}))
    assert result.tool_results[0].content == "1 documents about tea"
    attributes = observed.span("execute_tool search").attributes
    assert attributes[names.NETWORK_TRANSPORT] == "tcp"
    assert attributes[names.NETWORK_PROTOCOL] == "http"
    assert (attributes[names.SERVER_ADDRESS], attributes[names.SERVER_PORT]) == (
        "127.0.0.1",
        http_server.port,
    )
    assert names.MCP_SESSION_ID not in attributes  # this release of the protocol has no sessions


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_server_sees_the_trace_context_of_the_tools_span_and_the_baggage(
    observed, http_server, transport
):
    server = own_server() if transport == "stdio" else MCPServer.http(http_server.url)
    token = context.attach(baggage.set_baggage("tenant", "a b"))
    try:
        result = run(server, ("seen", {}))
    finally:
        context.detach(token)
    seen = json.loads(result.tool_results[0].content)
    assert seen["traceparent"] == own_trace(observed.span("execute_tool seen"))
    assert seen["baggage"] == "tenant=a+b"


def test_without_a_span_there_is_no_trace_context(http_server):
    async def main():
        async with MCPServer.http(http_server.url) as server:
            return await server.call_tool("seen", {})

    assert asyncio.run(main()).content[0].text == "{}"


def test_an_erring_tool_is_a_tool_failure_of_the_type_tool_error(observed):
    result = run(own_server(), ("fail", {"reason": "no water"}))
    assert result.tool_results[0].is_error
    assert "no water" in result.tool_results[0].content
    span = observed.span("execute_tool fail")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.ERROR_TYPE] == "tool_error"
    assert span.attributes[names.ERROR_CODE] == "tool_failure"
    assert observed.errors == {("tool_failure", "tool.fail", False): 1}


def test_the_duration_metric_says_which_tool_failed_and_how(kairos):
    run(own_server(), ("search", {"query": "x"}), ("fail", {}))
    points = [point for point in kairos.metrics() if point.name == names.MCP_CLIENT_DURATION]
    assert {(p.attributes[names.GEN_AI_TOOL_NAME], p.attributes.get(names.ERROR_TYPE)) for p in points} == {
        ("search", None),
        ("fail", "tool_error"),
    }


def test_a_server_that_dies_is_a_recoverable_failure_and_is_started_again_by_the_retry(observed):
    policy = Policy(retry=RetrySettings(max_attempts=2), breaker=None)
    result = run(own_server(), ("die", {}), ("search", {"query": "tea"}), policy=policy)
    assert result.tool_results[0].is_error
    assert "MCP server 'tea' went away during a call" in result.tool_results[0].content
    assert result.tool_results[1].content == "3 documents about tea"
    assert observed.errors == {("tool_failure", "tool.die", True): 2}
    assert observed.health["tool.search"] is HealthStatus.HEALTHY


def test_a_server_that_died_between_two_calls_is_started_again_without_an_error(observed):
    async def main():
        async with own_server() as server:
            await server.call_tool("retire", {})
            dispatcher = server._link.client.session._dispatcher
            await asyncio.to_thread(wait_for, lambda: dispatcher._closed, 10.0, "the end of the server")
            return await ask(server, ("search", {"query": "tea"}))

    assert asyncio.run(main()).tool_results[0].content == "3 documents about tea"
    assert observed.errors == {}


def test_an_http_server_that_went_away_is_reported_and_found_again_when_it_is_back():
    async def main():
        with mcp_server.HttpServer() as first:
            async with MCPServer.http(first.url, name="shop") as server:
                with pytest.raises(MCPConnectionError, match="'shop' went away during a call") as died:
                    await server.call_tool("die", {})
                assert died.value.recoverable
                with pytest.raises(
                    MCPConnectionError, match=r"'shop' cannot be reached .*; check its command or URL"
                ):
                    await server.ping()
                with mcp_server.HttpServer(first.port):
                    return await server.call_tool("search", {"query": "tea"})

    assert asyncio.run(main()).content[0].text == "3 documents about tea"


def test_calls_at_the_same_time_share_the_new_connection():
    async def main():
        async with own_server() as server:
            with pytest.raises(MCPConnectionError):
                await server.call_tool("die", {})
            results = await asyncio.gather(
                *(server.call_tool("search", {"query": str(n)}) for n in range(20))
            )
            return [result.content[0].text for result in results]

    assert asyncio.run(main()) == [f"3 documents about {n}" for n in range(20)]


def test_a_deadline_reaches_the_server(observed, tmp_path: Path):
    started, cancelled = tmp_path / "started", tmp_path / "cancelled"
    files = {"started": str(started), "cancelled": str(cancelled)}

    async def main():
        async with own_server() as server:
            task = asyncio.create_task(ask(server, ("wait", files), policy=Policy(timeout_s=2.0, retry=None)))
            result = await task
            await asyncio.to_thread(wait_for, cancelled.exists, 10.0, "the cancellation on the server")
            return result

    result = asyncio.run(main())
    assert "did not answer within 2 s" in result.tool_results[0].content
    assert observed.errors == {("timeout", "tool.wait", True): 1}


def test_a_cancelled_run_cancels_the_call_and_is_no_error(observed, tmp_path: Path):
    started, cancelled = tmp_path / "started", tmp_path / "cancelled"
    files = {"started": str(started), "cancelled": str(cancelled)}

    async def main():
        async with own_server() as server:
            task = asyncio.create_task(ask(server, ("wait", files)))
            await asyncio.to_thread(wait_for, started.exists, 10.0, "the call")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(wait_for, cancelled.exists, 10.0, "the cancellation on the server")

    asyncio.run(main())
    assert observed.errors == {}


def test_a_session_has_an_id_and_a_new_one_after_it_ended(observed):
    async def main():
        with SessionServer() as old:
            async with MCPServer.http(old.url, headers={"Authorization": "Bearer s3cret"}) as server:
                await ask(server, ("search", {}))
                assert old.headers["authorization"] == "Bearer s3cret"
                first = server.session_id
                old.is_forgetful = True
                policy = Policy(retry=RetrySettings(max_attempts=2))
                result = await ask(server, ("search", {}), policy=policy)
                return first, server.session_id, result

    first, second, result = asyncio.run(main())
    assert (first, second, result.tool_results[0].content) == ("session-1", "session-2", "found")
    ids = [
        (span.attributes[names.MCP_SESSION_ID], span.attributes[names.MCP_PROTOCOL_VERSION])
        for span in observed.spans
        if span.name == "execute_tool search"
    ]
    assert ids == [("session-1", "2025-11-25"), ("session-2", "2025-11-25")]
    assert observed.recovered == {("tool_failure", "tool.search", True): 1}


def test_a_refused_request_is_the_official_clients_own_error():
    async def main():
        with SessionServer() as old:
            async with MCPServer.http(old.url) as server:
                with execute_tool("nothing"), pytest.raises(MCPError, match="no such thing"):
                    await server.call_tool("nothing", {})

    asyncio.run(main())


def test_tools_may_have_a_prefix():
    async def main():
        async with own_server(prefix="tea_") as server:
            assert "tea_search" in [tool.spec.name for tool in server.tools]
            return await ask(server, ("tea_search", {"query": "x"}))

    assert asyncio.run(main()).tool_results[0].content == "3 documents about x"


def test_a_command_that_does_not_exist_is_named():
    with pytest.raises(MCPConnectionError, match=r"'no-such-program' cannot be reached \(FileNotFoundError"):
        run(MCPServer.stdio("no-such-program"))


def test_a_program_that_does_not_answer_is_given_up():
    with pytest.raises(MCPConnectionError, match=r"did not answer within connect_timeout_s=0\.2"):
        run(MCPServer.stdio(sys.executable, "-c", "import sys; sys.stdin.read()", connect_timeout_s=0.2))


def test_a_cancelled_connection_leaves_nothing_behind():
    async def main():
        server = MCPServer.stdio(sys.executable, "-c", "import sys; sys.stdin.read()")
        task = asyncio.create_task(server.__aenter__())
        while len(asyncio.all_tasks()) < 3:  # noqa: ASYNC110 - the connection's own task is no event of ours
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1


def test_it_is_used_inside_of_its_block_only():
    server = own_server()
    assert server.tools == ()
    with pytest.raises(
        RuntimeError, match="'tea' is used outside of its `async with` block, or in another event"
    ):
        asyncio.run(server.ping())
    asyncio.run(server.__aexit__(None, None, None))
    assert repr(server) == "MCPServer('tea')"


def test_the_timeout_must_be_positive():
    with pytest.raises(ValueError, match="connect_timeout_s=0: allowed are numbers above 0"):
        own_server(connect_timeout_s=0)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(MissingExtraError, match=r"kairos-telemetry\[mcp\]"):
        own_server()
