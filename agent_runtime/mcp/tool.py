# SPDX-License-Identifier: Apache-2.0
"""A tool of an MCP server, as the agent loop takes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent_runtime.mcp.errors import MCPToolError
from agent_runtime.mcp.measure import measured
from agent_runtime.tools import InvalidArgumentsError
from agent_runtime.types import ToolSpec

if TYPE_CHECKING:
    from mcp_types import CallToolResult
    from mcp_types import Tool as Listed

    from agent_runtime.mcp.server import MCPServer

__all__ = ["MCPTool"]


class MCPTool:
    """A tool of an MCP server; one attempt per call, retries are the loop's.

    Args:
        server: Where it lives.
        listed: As the server described it.
        prefix: What its name for the model begins with.
    """

    source = "mcp"

    def __init__(self, server: MCPServer, listed: Listed, prefix: str) -> None:
        self._server = server
        self._name = listed.name
        self.spec = ToolSpec(
            name=prefix + listed.name,
            description=listed.description or "",
            input_schema=listed.input_schema,
        )

    def __repr__(self) -> str:
        return f"MCPTool({self.spec.name!r}, server={self._server.name!r})"

    async def call(self, arguments: str) -> str:
        """See `Tool.call`; the server checks the arguments against its schema.

        Raises:
            InvalidArgumentsError: The arguments are no JSON object; nothing was sent.
            MCPToolError: The tool answered that it failed.
            MCPConnectionError: The server cannot be reached, or went away.
            mcp.MCPError: The server refused the request.
        """
        try:
            given = json.loads(arguments or "{}")
        except ValueError as error:
            raise InvalidArgumentsError(self.spec.name, (f"arguments: no JSON: {error}",)) from error
        if not isinstance(given, dict):
            raise InvalidArgumentsError(
                self.spec.name, (f"arguments: a JSON object is wanted, got {type(given).__name__}",)
            )
        with measured(self._name, self._server.facts):
            result = await self._server.call_tool(self._name, given)
            text = _text(result)
            if result.is_error:
                raise MCPToolError(self.spec.name, text)
        return text


def _text(result: CallToolResult) -> str:
    if not result.content and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(_block(block) for block in result.content)


def _block(block: Any) -> str:
    """Returns what a model can read of one piece of a result; of media only what it is."""
    if block.type == "text":
        return str(block.text)
    if block.type == "resource_link":
        return f"[{block.name}: {block.uri}]"
    if block.type == "resource":
        resource = block.resource
        return str(getattr(resource, "text", None) or f"[{resource.uri}: {resource.mime_type or 'binary'}]")
    return f"[{block.type}: {block.mime_type}]"
