# SPDX-License-Identifier: Apache-2.0
"""The SDK's TracerProvider with tracers that never raise and spans that never deadlock or run backwards."""

from __future__ import annotations

from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import Tracer as ApiTracer

from telemetry.logs.values import plain_attributes
from telemetry.pipeline.guarded.current_span import CurrentSpan
from telemetry.pipeline.guarded.span_clock import SpanClock
from telemetry.pipeline.guarded.spans import GuardedSpan
from telemetry.pipeline.sampling import ParentOrRatio
from telemetry.text import printable, type_name
from telemetry.tracing.collection import watch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Link
    from opentelemetry.util.types import Attributes

    from telemetry.pipeline.trouble import Trouble
    from telemetry.tracing.collection import CollectionWatch

__all__ = ["GuardedTracer", "GuardedTracerProvider"]

_FLAGS = {
    (is_sampled, is_random): TraceFlags(
        is_sampled * TraceFlags.SAMPLED | is_random * TraceFlags.RANDOM_TRACE_ID
    )
    for is_sampled in (False, True)
    for is_random in (False, True)
}
# A member of an enum costs a look-up through its metaclass each time.
_DROP, _SAMPLE = Decision.DROP, Decision.RECORD_AND_SAMPLE
_INTERNAL = SpanKind.INTERNAL
_NO_SPAN = NonRecordingSpan(SpanContext(0, 0, is_remote=False))


class GuardedTracerProvider(TracerProvider):
    """A TracerProvider of the SDK's, with our tracers.

    Args:
        trouble: Takes what could not be recorded.
        clock: Of spans.
        **settings: The SDK's.
    """

    def __init__(self, trouble: Trouble, clock: SpanClock | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._trouble = trouble
        self._clock = clock or SpanClock()
        self._guarded: dict[ApiTracer, GuardedTracer] = {}
        # A destructor that runs in the middle of `get_tracer` may ask for one as well.
        self._tracers_lock = RLock()  # type: ignore[assignment]  # of the SDK; it has no public name

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> ApiTracer:
        """Returns a tracer for the instrumentation scope; arguments as in the API. Never raises."""
        name = instrumenting_module_name
        name = name if type(name) is str else printable(name)
        try:
            real = super().get_tracer(name, instrumenting_library_version, schema_url, attributes)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._trouble.report("get_tracer", problem, "traces")
            real = super().get_tracer(name)
        if not isinstance(real, Tracer):  # OTEL_SDK_DISABLED
            return real
        return self._guarded.get(real) or self._guarded.setdefault(
            real, GuardedTracer(real, self._clock, self._trouble)
        )


class GuardedTracer(ApiTracer):
    """A tracer that makes `GuardedSpan`s.

    The SDK's tracer names the class of its spans in its own code, and replacing the class of a finished
    object costs a twentieth of a span. So the steps of the specification ("Span creation" in the trace SDK)
    are taken here, which looks for the parent once instead of twice.

    Args:
        real: The SDK's tracer, for what it was configured with.
        clock: Of spans.
        trouble: Takes what could not be recorded.

    Attributes:
        id_generator: Makes the ids.
    """

    def __init__(self, real: Tracer, clock: SpanClock, trouble: Trouble) -> None:
        self.id_generator = real.id_generator
        self._real = real
        self._clock = clock
        self._trouble = trouble
        self._watch = watch()

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Starts a span; arguments as in the API. Never raises: what cannot be read is left out."""
        try:
            return self._start(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._trouble.report("start_span", problem, "traces")
            return self._start_without_what_is_wrong(name, context, kind, attributes, links)

    def start_as_current_span(  # type: ignore[override]  # the API's return type is a private class
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> CurrentSpan:
        """Starts a span for a `with` block or a decorated function; arguments as in the API."""

        def open_block() -> _Block:
            span = self.start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
            return _Block(span, record_exception, set_status_on_exception, end_on_exit, self._watch)

        return CurrentSpan(open_block)

    def _start(
        self,
        name: str,
        context: Context | None,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[Link] | None,
        start_time: int | None,
        record_exception: bool,
        set_status_on_exception: bool,
    ) -> Span:
        if type(kind) is not SpanKind:
            raise TypeError(f"kind: {type_name(kind)} is not a SpanKind")
        real, ids, clock = self._real, self.id_generator, self._clock
        parent = get_current_span(context)
        above: SpanContext | None = parent.get_span_context()
        if not real._is_enabled():  # noqa: SLF001 - a scope can be switched off; that has no public name
            return NonRecordingSpan(cast("SpanContext", above))
        if above is not None and above.is_valid:
            trace_id, is_random = above.trace_id, above.trace_flags.random_trace_id
        else:
            above, trace_id, is_random = None, ids.generate_trace_id(), ids.is_trace_id_random()
        sampler = real.sampler
        if type(sampler) is ParentOrRatio:
            decision, state = sampler.decide(above, trace_id), None if above is None else above.trace_state
        else:
            sampling = sampler.should_sample(context, trace_id, name, kind, attributes, links or ())
            decision, state, attributes = sampling.decision, sampling.trace_state, sampling.attributes
        flags = _FLAGS[decision is _SAMPLE, bool(is_random)]
        own = SpanContext(trace_id, ids.generate_span_id(), False, flags, state)
        count_end = real._tracer_metrics.start_span(above, decision)  # noqa: SLF001 - OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED
        if decision is _DROP:
            return NonRecordingSpan(own)
        span = GuardedSpan(
            name if type(name) is str else printable(name),
            own,
            above,
            sampler,
            None,
            real.resource,
            None,
            None,
            links or (),
            kind,
            real.span_processor,
            real.instrumentation_info,
            record_exception,
            set_status_on_exception,
            real._span_limits,  # noqa: SLF001 - likewise
            real._instrumentation_scope,  # noqa: SLF001 - likewise
            record_end_metrics=count_end,
        )
        monotonic = clock.monotonic
        offset_ns = parent.offset_ns if type(parent) is GuardedSpan else clock.wall() - monotonic()
        span.monotonic, span.offset_ns, span.trouble = monotonic, offset_ns, self._trouble
        span.fit_out(attributes)
        span.start(monotonic() + offset_ns if start_time is None else int(start_time), context)
        return span

    def _start_without_what_is_wrong(
        self,
        name: str,
        context: Context | None,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[Link] | None,
    ) -> Span:
        readable = kind if type(kind) is SpanKind else _INTERNAL
        known = context if issubclass(type(context), otel_context.Context) else None
        for facts, others in ((attributes, links), (attributes, None), (None, None)):
            try:
                cleaned = cast("Attributes", plain_attributes(facts))
                return self._start(printable(name), known, readable, cleaned, others, None, True, True)
            except Exception:  # noqa: BLE001, S112 - reported already; with less, it may be possible
                continue
        return _NO_SPAN


class _Block(AbstractContextManager[Span]):
    """Makes a span the current one for a while."""

    __slots__ = ("_ends", "_is_failure", "_is_recorded", "_span", "_token", "_watch")

    def __init__(
        self, span: Span, is_recorded: bool, is_failure: bool, ends: bool, watching: CollectionWatch
    ) -> None:
        self._watch = watching
        self._span = span
        self._is_recorded = is_recorded
        self._is_failure = is_failure
        self._ends = ends

    def __enter__(self) -> Span:
        self._token: Token[Context] | None = None
        if not self._watch.is_here():
            self._token = otel_context.attach(set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        span = self._span
        if self._token is not None:
            otel_context.detach(self._token)
        # As in the API's `use_span`: an exit or a cancellation is no error of the span.
        if isinstance(error, Exception) and isinstance(span, GuardedSpan):
            span.note(error, self._is_recorded, self._is_failure, escaped=False)
        if self._ends:
            span.end()
