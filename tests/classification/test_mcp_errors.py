# SPDX-License-Identifier: Apache-2.0
"""mcp: protocol errors, and what a real server raises around its tools."""

from __future__ import annotations

import asyncio

import mcp
import pytest
from mcp.client.auth import OAuthFlowError
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.shared.exceptions import UrlElicitationRequiredError

from telemetry.classification import Classifier


@pytest.mark.parametrize(
    ("number", "code", "recoverable"),
    [
        (-32700, "invalid_input", False),
        (-32600, "invalid_input", False),
        (-32601, "not_found", False),
        (-32602, "invalid_input", False),
        (-32603, "tool_failure", False),
        (-32000, "tool_failure", True),
        (-32001, "timeout", True),
        (-32002, "not_found", False),
        (408, "timeout", True),
        (-1, "tool_failure", False),
    ],
)
def test_a_json_rpc_code_decides(number, code, recoverable):
    assert Classifier().classify(mcp.MCPError(number, "no")) == (code, "tool", recoverable)


@pytest.fixture(scope="module")
def server():
    server = MCPServer("tools")

    @server.tool()
    def refuses(number: int) -> str:
        raise ToolError("I would rather not")

    @server.tool()
    def crashes() -> str:
        raise KeyError("k")

    @server.tool()
    def loses_its_connection() -> str:
        raise ConnectionResetError("gone")

    return server


@pytest.mark.parametrize(
    ("tool", "recoverable"), [("refuses", False), ("crashes", False), ("loses_its_connection", True)]
)
def test_a_tool_is_as_recoverable_as_what_it_died_of(tool, recoverable, server, error_of):
    error = error_of(lambda: asyncio.run(server.call_tool(tool, {"number": 1})))
    assert isinstance(error, ToolError)
    assert Classifier().classify(error) == ("tool_failure", "tool", recoverable)


def test_a_client_is_told_of_an_unknown_method(server, error_of):
    async def ask():
        async with mcp.Client(server) as client:
            await client.read_resource("file:///nowhere")

    assert Classifier().classify(error_of(lambda: asyncio.run(ask()))).code in {"not_found", "invalid_input"}


def test_a_type_decides():
    assert Classifier().classify(ResourceNotFoundError("x")) == ("not_found", "tool", False)
    assert Classifier().classify(OAuthFlowError("x")) == ("unauthorized", "tool", False)
    assert Classifier().classify(UrlElicitationRequiredError([])) == ("unauthorized", "tool", False)
