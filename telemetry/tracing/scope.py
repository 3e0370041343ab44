# SPDX-License-Identifier: Apache-2.0
"""A span around a piece of work, and the seam between tracing and the active pipeline.

Everything here is usable while no pipeline is active, without OpenTelemetry being imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from telemetry.tracing.null import NULL_SPAN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    Attached = Token[Context] | None

__all__ = ["ActiveTracing", "SpanScope", "SpanSpec", "TracingHandle"]


class SpanSpec:
    """What every span of one place in the code has in common.

    Attributes:
        name: Name of the span.
        component: Whose errors these are; None leaves it to classification.
        attributes: Attributes at the start of the span.
        is_client: Whether the work is a call to another service (kind CLIENT) or not (INTERNAL).
    """

    __slots__ = ("attributes", "component", "is_client", "name")

    def __init__(
        self,
        name: str,
        component: str | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
        *,
        is_client: bool = False,
    ) -> None:
        self.name = name
        self.component = component
        self.attributes = attributes
        self.is_client = is_client


class ActiveTracing(Protocol):
    """What a pipeline offers to whoever wraps work in spans."""

    def start(self, spec: SpanSpec) -> Span:
        """Starts a span as a child of the current one."""

    def attach(self, span: Span) -> Attached:
        """Makes a span the current one; None where that is not possible."""

    def detach(self, attached: Attached) -> None:
        """Undoes `attach`."""

    def fail(self, span: Span, error: BaseException, component: str | None) -> None:
        """Reports what left a span as an exception: counted once, never for a cancellation."""

    def end(self, span: Span) -> None:
        """Ends a span."""


class TracingHandle(Protocol):
    """Where the active pipeline is found; the only thing that code bound at import time holds on to."""

    @property
    def recorder(self) -> ActiveTracing | None:
        """The active pipeline's recording side, if any."""


class SpanScope:
    """One span around a `with` or `async with` block.

    Args:
        handle: Where the active pipeline is found.
        spec: The span.

    Attributes:
        span: The span, inside the block.
        outer: The scope that was open when the same object opened this one.
    """

    __slots__ = ("_attached", "_handle", "_spec", "_tracing", "outer", "span")

    def __init__(self, handle: TracingHandle, spec: SpanSpec) -> None:
        self._handle = handle
        self._spec = spec
        self._tracing: ActiveTracing | None = None
        self._attached: Attached | None = None
        self.outer: SpanScope | None = None
        self.span: Span = NULL_SPAN

    def open(self) -> Span:
        """Starts the span and makes it the current one."""
        tracing = self._tracing = self._handle.recorder
        if tracing is not None:
            self.span = tracing.start(self._spec)
            self._attached = tracing.attach(self.span)
        return self.span

    def close(self, error: BaseException | None) -> None:
        """Ends the span, with the exception that left it if there was one."""
        tracing = self._tracing
        if tracing is None:
            return
        attached, self._attached = self._attached, None
        tracing.detach(attached)
        if error is not None:
            tracing.fail(self.span, error, self._spec.component)
        tracing.end(self.span)

    def __enter__(self) -> Span:
        return self.open()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close(error)
