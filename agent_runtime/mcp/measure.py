# SPDX-License-Identifier: Apache-2.0
"""`mcp.client.operation.duration`: how long calls to MCP servers take."""

from __future__ import annotations

from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from telemetry import conventions, histogram

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["measured"]


@contextmanager
def measured(tool: str, facts: Mapping[str, str | int]) -> Iterator[None]:
    """Records how long the block took, and as what it failed.

    Args:
        tool: The tool that is called in it.
        facts: Further attributes, of the server.
    """
    labels: dict[str, str | int] = {
        conventions.MCP_METHOD: conventions.MCP_METHOD_CALL_TOOL,
        conventions.OPERATION: conventions.OPERATION_EXECUTE_TOOL,
        conventions.GEN_AI_TOOL_NAME: tool,
        **facts,
    }
    began = perf_counter()
    try:
        yield
    except Exception as error:
        labels[conventions.ERROR_TYPE] = _error_type(type(error))
        raise
    finally:
        duration = histogram(
            conventions.MCP_CLIENT_DURATION,
            conventions.UNIT_SECONDS,
            "How long a request to an MCP server took.",
            buckets=conventions.BUCKETS_MCP_DURATION,
        )
        duration.bind(labels).record(perf_counter() - began)


def _error_type(kind: type[Exception]) -> str:
    """Returns what spans have as `error.type` for it."""
    module, name = kind.__module__, kind.__qualname__
    return name if module == "builtins" else f"{module}.{name}"
