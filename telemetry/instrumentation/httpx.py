# SPDX-License-Identifier: Apache-2.0
"""httpx: the connection attempts that a transport with `retries` makes.

httpcore makes them, below httpx, and tells of them only through the request's `trace` extension
(https://www.encode.io/httpcore/extensions/#trace), which is therefore put on each such request,
before the user's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.instrumentation.attempts import Attempts
from telemetry.instrumentation.base import LibraryInstrumentor
from telemetry.instrumentation.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from telemetry.instrumentation.attempts import ErrorComponent
    from telemetry.instrumentation.base import Undoable

__all__ = ["HttpxRetryInstrumentor"]

_TRACE = "trace"
_RETRY = "connection.retry.started"
_REQUEST = ("http11.", "http2.")
"""What happens on a connection begins so."""


class HttpxRetryInstrumentor(LibraryInstrumentor):
    """Counts connections that failed and were tried again: `HTTPTransport(retries=...)`, sync and async.

    `HttpxRetryInstrumentor().instrument(component=...)`: whose errors these are, a name or a
    function that returns one for an exception; by default what classification says. Transports
    without retries are left alone.
    """

    requirement = "httpx >= 0.25"

    def _observe(self, component: ErrorComponent) -> Sequence[Undoable]:
        from httpx import AsyncHTTPTransport, HTTPTransport

        transports = _Transports(component)
        return [
            Patch(HTTPTransport, "handle_request", transports.observe_request),
            Patch(AsyncHTTPTransport, "handle_async_request", transports.observe_async_request),
        ]


class _Transports:
    def __init__(self, component: ErrorComponent) -> None:
        self._component = component

    def observe_request(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def observed(transport: Any, request: httpx.Request) -> Any:
            if not _retries(transport):
                return original(transport, request)
            with _Connecting(request, self._component) as connecting:
                request.extensions = {**request.extensions, _TRACE: connecting.trace}
                return original(transport, request)

        return observed

    def observe_async_request(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def observed(transport: Any, request: httpx.Request) -> Any:
            if not _retries(transport):
                return await original(transport, request)
            with _Connecting(request, self._component) as connecting:
                request.extensions = {**request.extensions, _TRACE: connecting.trace_async}
                return await original(transport, request)

        return observed


def _retries(transport: object) -> bool:
    """Whether a transport may retry; where httpx no longer says, it may."""
    return bool(getattr(getattr(transport, "_pool", None), "_retries", True))


class _Connecting:
    """One request's attempts to connect."""

    def __init__(self, request: httpx.Request, component: ErrorComponent) -> None:
        self._request = request
        self._extensions = request.extensions
        self._users_trace = request.extensions.get(_TRACE)
        self._attempts = Attempts(component)
        self._failure: BaseException | None = None
        self._is_connected = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Takes an event of a sync connection."""
        self._take(event, info)
        if self._users_trace is not None:
            self._users_trace(event, info)

    async def trace_async(self, event: str, info: dict[str, Any]) -> None:
        """Takes an event of an async connection."""
        self._take(event, info)
        if self._users_trace is not None:
            await self._users_trace(event, info)

    def _take(self, event: str, info: dict[str, Any]) -> None:
        if event.startswith(_REQUEST):
            self._is_connected = True
        elif event == _RETRY and self._failure is not None:
            self._attempts.failed(self._failure)
            self._failure = None
        elif "exception" in info:
            self._failure = info["exception"]

    def __enter__(self) -> _Connecting:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        from httpx import ConnectError, ConnectTimeout

        self._request.extensions = self._extensions
        if self._is_connected:  # whatever became of the request after that
            self._attempts.made_good()
        elif isinstance(error, ConnectError | ConnectTimeout):
            self._attempts.failed(error)
        self._attempts.gave_up()
