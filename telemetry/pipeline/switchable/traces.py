# SPDX-License-Identifier: Apache-2.0
"""A TracerProvider whose real provider can be exchanged while the tracers it gave out stay in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import NoOpTracerProvider, Span, SpanKind, Tracer, TracerProvider

from telemetry.pipeline.guarded.current_span import CurrentSpan
from telemetry.pipeline.switchable.base import Follower, SwitchableProvider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link
    from opentelemetry.util.types import Attributes

__all__ = ["SwitchableTracer", "SwitchableTracerProvider"]


class SwitchableTracerProvider(SwitchableProvider[TracerProvider], TracerProvider):
    """Hands out tracers that always use the current real provider. Thread-safe."""

    def __init__(self) -> None:
        super().__init__(NoOpTracerProvider)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> SwitchableTracer:
        """Return a tracer for the instrumentation scope; arguments as in the API."""
        scope = (instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        return SwitchableTracer(self, scope)


class SwitchableTracer(Follower[TracerProvider, Tracer], Tracer):
    """A tracer that uses the current real provider for every span it starts. Thread-safe.

    Args:
        provider: Knows the current real provider.
        scope: The arguments of `get_tracer`.
    """

    def __init__(
        self,
        provider: SwitchableTracerProvider,
        scope: tuple[str, str | None, str | None, Attributes],
    ) -> None:
        self._scope = scope
        super().__init__(provider)

    def _make(self, provider: TracerProvider) -> Tracer:
        return provider.get_tracer(*self._scope)

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Start a span on the current provider; arguments as in the API."""
        bound = self._bound  # `self.current`, written out: this is the hot path
        tracer = bound[1] if bound[0] is self._provider.current else self._rebind()
        return tracer.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )

    def start_as_current_span(  # type: ignore[override]  # the API's return type is a private class
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> CurrentSpan:
        """Start a span for a `with` block or a decorated function; arguments as in the API."""
        return CurrentSpan(
            lambda: self.current.start_as_current_span(
                name,
                context,
                kind,
                attributes,
                links,
                start_time,
                record_exception,
                set_status_on_exception,
                end_on_exit,
            )
        )
