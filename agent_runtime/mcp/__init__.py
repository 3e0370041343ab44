# SPDX-License-Identifier: Apache-2.0
"""Tools from MCP servers, through the official client."""

from __future__ import annotations

from agent_runtime.mcp.errors import MCPConnectionError, MCPToolError
from agent_runtime.mcp.server import MCPServer
from agent_runtime.mcp.tool import MCPTool

__all__ = ["MCPConnectionError", "MCPServer", "MCPTool", "MCPToolError"]
