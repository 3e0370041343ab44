# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import pickle

import pytest
from mcp_types import (
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from mcp_types import Tool as Listed

from agent_runtime import InvalidArgumentsError, Tool
from agent_runtime.mcp import MCPConnectionError, MCPTool, MCPToolError


class Server:
    """Answers every call with the same result."""

    name = "tea"
    facts: dict[str, str] = {}  # noqa: RUF012 - never changed

    def __init__(self, result: CallToolResult) -> None:
        self.result = result

    async def call_tool(self, _name, _arguments):
        return self.result


def tool(*content, **fields) -> MCPTool:
    server = Server(CallToolResult(content=list(content), **fields))
    return MCPTool(server, Listed(name="search", input_schema={"type": "object"}), "")


def test_it_is_a_tool_as_the_loop_takes_it():
    search = tool()
    assert isinstance(search, Tool)
    assert (search.source, search.spec.description, repr(search)) == (
        "mcp",
        "",
        "MCPTool('search', server='tea')",
    )


def test_text_is_joined_and_media_are_named():
    search = tool(
        TextContent(type="text", text="one"),
        ImageContent(type="image", data="AAAA", mime_type="image/png"),
        ResourceLink(type="resource_link", name="menu", uri="file:///menu"),
        EmbeddedResource(type="resource", resource=TextResourceContents(uri="file:///a", text="two")),
        EmbeddedResource(type="resource", resource=BlobResourceContents(uri="file:///b", blob="AA")),
    )
    assert asyncio.run(search.call("")) == (
        "one\n[image: image/png]\n[menu: file:///menu]\ntwo\n[file:///b: binary]"
    )


def test_structure_without_words_is_json():
    assert asyncio.run(tool(structured_content={"é": 1}).call("{}")) == '{"é": 1}'


@pytest.mark.parametrize(
    ("arguments", "problem"), [("{", "no JSON"), ("[1]", "a JSON object is wanted, got list")]
)
def test_arguments_that_are_no_object_are_not_sent(arguments, problem):
    with pytest.raises(InvalidArgumentsError, match=problem):
        asyncio.run(tool().call(arguments))


def test_a_failure_without_words_says_so():
    with pytest.raises(MCPToolError, match="'search' failed and did not say why"):
        asyncio.run(tool(is_error=True).call("{}"))


def test_errors_can_be_pickled():
    failed = pickle.loads(pickle.dumps(MCPToolError("search", "no water")))
    assert (type(failed), failed.tool, failed.message) == (MCPToolError, "search", "no water")
    lost = pickle.loads(pickle.dumps(MCPConnectionError("tea", "went away")))
    assert (lost.server, lost.message, lost.recoverable) == ("tea", "MCP server 'tea' went away", True)
