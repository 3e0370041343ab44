# SPDX-License-Identifier: Apache-2.0
"""What may go wrong between an agent and an MCP server.

KairosError                 (tool_failure)
├── MCPToolError            the tool answered that it failed
└── MCPConnectionError      the server cannot be reached, or went away; another attempt connects again
"""

from __future__ import annotations

from telemetry import ErrorCode, KairosError, conventions

__all__ = ["MCPConnectionError", "MCPToolError"]


class MCPToolError(KairosError):
    """A tool of an MCP server answered that it failed (`isError`). Not recoverable: the server answered.

    Args:
        tool: The tool's name.
        text: What the server said; the model reads it.
    """

    def __init__(self, tool: str, text: str) -> None:
        self.tool = tool
        super().__init__(ErrorCode.TOOL_FAILURE, text or f"tool {tool!r} failed and did not say why")

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return _tool_error, (self.tool, self.message)


# `error.type` of spans and metrics is the class's module and qualified name, and for a class of
# Python's own the bare name. The conventions want this bare word here.
MCPToolError.__module__ = "builtins"
MCPToolError.__qualname__ = conventions.MCP_TOOL_ERROR


def _tool_error(tool: str, text: str) -> MCPToolError:
    return MCPToolError(tool, text)  # pickle would look for the class under the name above


class MCPConnectionError(KairosError):
    """An MCP server cannot be reached, or went away in the middle of a call. Recoverable.

    Args:
        server: The server's name.
        problem: What happened.

    Attributes:
        server: The same name.
    """

    def __init__(self, server: str, problem: str) -> None:
        self.server = server
        self._problem = problem
        super().__init__(
            ErrorCode.TOOL_FAILURE,
            f"MCP server {server!r} {problem}",
            recoverable=True,
        )

    def __reduce__(self) -> tuple[type[MCPConnectionError], tuple[str, str]]:
        return type(self), (self.server, self._problem)
