# SPDX-License-Identifier: Apache-2.0
"""What a request carries on its way to an MCP server: the caller's trace, and a number of its own.

The official client makes a span of its own for every request and sends that one's context. One
call of a tool is one span, `execute_tool`, so the client's is kept out of the trace, and the
context on the wire is written again from the caller's.
Source: MCP's SEP-414 (trace context in `params._meta`), semantic conventions 1.41.1, "MCP".
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType
    from typing import Self

    from mcp.shared.message import SessionMessage
    from opentelemetry.context import Context

    Streams = tuple[Any, Any]  # what a transport gives: a stream to read, one to write

__all__ = ["Request", "TracedTransport", "request"]

_REQUEST = "kairos-mcp-request"
"""Under which a request is found in the OpenTelemetry context of whoever writes it."""


class Request:
    """One request of ours.

    Attributes:
        caller: The OpenTelemetry context of the caller.
        id: Its JSON-RPC id; None while it has not been written.
    """

    __slots__ = ("caller", "id")

    def __init__(self, caller: Context) -> None:
        self.caller = caller
        self.id: str | None = None

    def write_on(self, message: Any) -> None:
        """Writes the caller's trace context and baggage on a JSON-RPC request."""
        self.id = str(message.id)
        params: dict[str, Any] = message.params or {}
        meta = params.get("_meta") or {}
        for propagator in (TraceContextTextMapPropagator(), W3CBaggagePropagator()):
            for field in propagator.fields:
                meta.pop(field, None)
            propagator.inject(meta, self.caller)
        if meta:
            message.params = {**params, "_meta": meta}


@contextmanager
def request() -> Iterator[Request]:
    """What is sent inside the block is one request of the current span, and makes none of its own."""
    caller = otel.get_current()
    sent = Request(caller)
    inside = otel.set_value(_REQUEST, sent, caller)
    span = trace.get_current_span(caller).get_span_context()
    if span.is_valid:
        # A parent that is not sampled: the client's span then is not either.
        hidden = trace.SpanContext(
            span.trace_id, span.span_id, is_remote=False, trace_state=span.trace_state
        )  # trace flags: none
        inside = trace.set_span_in_context(trace.NonRecordingSpan(hidden), inside)
    token = otel.attach(inside)
    try:
        yield sent
    finally:
        otel.detach(token)


class TracedTransport:
    """A transport of the official client whose requests carry their callers' trace context.

    Args:
        transport: The transport.
    """

    def __init__(self, transport: AbstractAsyncContextManager[Streams]) -> None:
        self._transport = transport

    async def __aenter__(self) -> Streams:
        read, write = await self._transport.__aenter__()
        return read, _TracedStream(write)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._transport.__aexit__(kind, error, trace)


class _TracedStream:
    """The writing side of a transport."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def send(self, item: SessionMessage) -> None:
        sent = otel.get_value(_REQUEST)
        message: Any = item.message
        if not isinstance(sent, Request) or getattr(message, "method", None) is None:
            await self._stream.send(item)
            return
        if hasattr(message, "id"):  # notifications, such as a cancellation, have none
            sent.write_on(message)
        # The HTTP transport goes on in the context that it is handed the message in: what is
        # recorded below, by an HTTP client's instrumentation, belongs to the caller's span.
        token = otel.attach(sent.caller)
        try:
            await self._stream.send(item)
        finally:
            otel.detach(token)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
