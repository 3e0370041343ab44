# SPDX-License-Identifier: Apache-2.0
"""Checks of what an agent depends on; each makes a callable for `HealthRegistry.add`."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from agent_runtime.types import Message, Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Mapping

    from agent_runtime.llm.protocol import Model
    from agent_runtime.memory import Memory
    from agent_runtime.tools import Tool

__all__ = ["Pingable", "http_check", "mcp_check", "memory_check", "model_check", "tool_check"]

_NO_SUCH_SESSION = "kairos-health-check"


class Pingable(Protocol):
    """What can say that it is there; an `MCPServer` can."""

    async def ping(self) -> None:
        """Returns when it answered.

        Raises:
            Exception: It did not.
        """
        ...


def model_check(model: Model, prompt: str = "ping") -> Callable[[], Awaitable[None]]:
    """Checks that a model answers. A hosted model is paid for each time: choose a long interval.

    Args:
        model: The model.
        prompt: What to say to it.
    """

    async def check() -> None:
        await model.complete([Message(Role.USER, prompt)], ())

    return check


def memory_check(memory: Memory, session_id: str = _NO_SUCH_SESSION) -> Callable[[], Awaitable[None]]:
    """Checks that a memory can be read. Nothing is written.

    Args:
        memory: The memory.
        session_id: The session to ask for; it need not exist.
    """

    async def check() -> None:
        await memory.load(session_id)

    return check


def tool_check(tool: Tool, arguments: str = "{}") -> Callable[[], Awaitable[None]]:
    """Checks that a tool works, by calling it: choose arguments that do no harm.

    Args:
        tool: The tool.
        arguments: A JSON object as text.
    """

    async def check() -> None:
        await tool.call(arguments)

    return check


def mcp_check(server: Pingable) -> Callable[[], Awaitable[None]]:
    """Checks that an MCP server answers; one that went away is connected to again.

    Args:
        server: An `MCPServer`.
    """
    return server.ping


def http_check(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    expect: Container[int] = range(200, 300),
    timeout_s: float = 5.0,
) -> Callable[[], None]:
    """Checks that a URL answers a GET; redirects are followed.

    Args:
        url: The URL.
        headers: Sent with it; never shown.
        expect: Statuses that are well.
        timeout_s: Seconds for connecting and for each read.

    Raises:
        ValueError: It is no URL of HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        shown = f"{parts.scheme}://{parts.hostname or ''}"  # it may have a password in it
        raise ValueError(f"url={shown!r}: allowed are http:// and https:// URLs with a host.")

    def check() -> None:
        request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 - scheme checked above
        opener = urllib.request.build_opener(_AnyStatus)
        with opener.open(request, timeout=timeout_s) as response:
            status = int(response.status)
        if status not in expect:
            raise ConnectionError(f"{parts.hostname} answered {status}")

    return check


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    """Takes errors for answers, for `expect` to decide; redirects are still followed."""

    def http_response(self, request: urllib.request.Request, response: object) -> object:
        status = getattr(response, "status", 0)
        return super().http_response(request, response) if 300 <= status < 400 else response  # type: ignore[arg-type]  # typeshed's response is a private class

    https_response = http_response
