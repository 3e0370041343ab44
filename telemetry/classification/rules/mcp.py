# SPDX-License-Identifier: Apache-2.0
"""mcp: protocol errors by their JSON-RPC code (names of releases 1 and 2), servers' tool errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import read
from telemetry.classification.statuses import of_http_status
from telemetry.classification.verdict import ByCause, Rule, Verdict
from telemetry.conventions import COMPONENT_TOOL
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

_FAILED: Final = Verdict(ErrorCode.TOOL_FAILURE, COMPONENT_TOOL, False)
_TRANSIENT: Final = Verdict(ErrorCode.TOOL_FAILURE, COMPONENT_TOOL, True)
_INVALID: Final = Verdict(ErrorCode.INVALID_INPUT, COMPONENT_TOOL, False)
_NOT_FOUND: Final = Verdict(ErrorCode.NOT_FOUND, COMPONENT_TOOL, False)
_UNAUTHORIZED: Final = Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_TOOL, False)
_CRASHED: Final = ByCause(_FAILED)

_CODES: Final[Mapping[int, Verdict]] = {
    -32700: _INVALID,  # parse error
    -32600: _INVALID,  # invalid request
    -32601: _NOT_FOUND,  # method not found
    -32602: _INVALID,  # invalid parameters, such as an unknown tool or arguments outside its schema
    -32603: _FAILED,  # internal error
    -32000: _TRANSIENT,  # connection closed
    -32001: Verdict(ErrorCode.TIMEOUT, COMPONENT_TOOL, True),
    -32002: _NOT_FOUND,  # resource not found, before SEP-2164 made it -32602
    -32020: _INVALID,  # header mismatch
    -32021: _INVALID,  # missing required client capability
    -32022: _INVALID,  # unsupported protocol version
    -32042: _UNAUTHORIZED,  # the user has to authorise at a URL first
}


def _of_code(err: Any) -> Verdict | None:
    code = read(err, "error", "code")
    if type(code) is int and code in _CODES:
        return _CODES[code]
    # Release 1 answers its own time-outs with HTTP's 408.
    return of_http_status(code, COMPONENT_TOOL, ErrorCode.TOOL_FAILURE) or _FAILED


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "mcp": {
        "MCPError": _of_code,
        "McpError": _of_code,
        "MCPServerError": _CRASHED,
        "FastMCPError": _CRASHED,
        "ResourceNotFoundError": _NOT_FOUND,
        "OAuthFlowError": _UNAUTHORIZED,
        "StreamableHTTPError": _TRANSIENT,
        "SubscriptionLost": _TRANSIENT,
        "InvalidUriTemplate": _INVALID,
    },
}
