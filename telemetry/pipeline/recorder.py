# SPDX-License-Identifier: Apache-2.0
"""The recording side of the active pipeline: what every record call ends up in.

Methods may raise; the public functions around them catch, count and log once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context
from opentelemetry.trace import SpanKind, get_current_span, set_span_in_context

from telemetry import conventions as names
from telemetry.classification import is_cancellation, leaves
from telemetry.errors import ErrorCode
from telemetry.tracing.collection import watch
from telemetry.tracing.marks import counted_as, mark_counted
from telemetry.tracing.null import NULL_SPAN

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from telemetry.classification import Classifier
    from telemetry.metrics.error_counts import ErrorCounts, ErrorKey, ErrorSeries
    from telemetry.metrics.states import StateGauge
    from telemetry.pipeline.genai_sink import ConfiguredGenAI
    from telemetry.pipeline.trouble import Trouble
    from telemetry.tracing.scope import SpanSpec
    from telemetry.tracing.span_errors import SpanErrors

__all__ = ["Recorder"]

# A member of an enum costs a look-up through its metaclass each time.
_CLIENT, _INTERNAL = SpanKind.CLIENT, SpanKind.INTERNAL
_MOST_SHORT_CUTS = 1024


class Recorder:
    """Errors, recoveries, states and spans of one pipeline.

    Args:
        classifier: Says what an exception is.
        counts: The error instruments.
        health: `kairos.health.status`.
        circuit: `kairos.circuitbreaker.state`.
        span_errors: Writes errors on spans.
        tracer: Makes spans.
        genai: Names, metrics and content of GenAI operations.
        trouble: Takes failures of recording itself.

    Attributes:
        tracer: What makes our own spans.
        short_cuts: Component, then exception class, to the series, for exceptions whose class
            decides everything: what `record_error_metric` looks at first.
    """

    def __init__(
        self,
        classifier: Classifier,
        counts: ErrorCounts,
        health: StateGauge,
        circuit: StateGauge,
        span_errors: SpanErrors,
        tracer: Tracer,
        genai: ConfiguredGenAI,
        trouble: Trouble,
    ) -> None:
        self.counts = counts
        self.health = health
        self.circuit = circuit
        self.genai = genai
        self.trouble = trouble
        self._classifier = classifier
        self._span_errors = span_errors
        self.tracer = tracer
        self._start_span = tracer.start_span
        self._watch = watch()
        self.short_cuts: dict[str | None, dict[type, ErrorSeries]] = {}

    # -- errors ----------------------------------------------------------------------------

    def count(self, error: BaseException, component: str | None, span: Span | None = None) -> None:
        """Counts an error, once however many layers it crosses; `span` is where it happened."""
        if is_cancellation(error):
            return
        key = counted_as(error)
        if key is None:
            if issubclass(type(error), BaseExceptionGroup):  # isinstance would ask the object itself
                for leaf in leaves(error):
                    self.count(leaf, component, span)
                key = self._key(error, component)
            else:
                key = self._key(error, component)
                series = self.counts.series(key)
                series.record(span)
                if self._classifier.fixed(type(error)) is not None and (
                    component is None or type(component) is str
                ):
                    self._remember(type(error), component, series)
        mark_counted(error, key)

    def write(self, span: Span | None, error: BaseException, component: str | None = None) -> None:
        """Writes an error on a span, the current one by default; does not count it."""
        if span is None:
            span = get_current_span()
        if not span.is_recording():
            return
        key = counted_as(error)
        if key is None:  # counted ones are no cancellations
            if is_cancellation(error):
                return
            key = self._key(error, component)
        self._span_errors.record(span, error, key)

    def recover(self, code_or_error: ErrorCode | str | BaseException, component: str | None) -> None:
        """Counts an error as made good, under the attributes that the error was counted with."""
        if isinstance(code_or_error, BaseException):
            for leaf in leaves(code_or_error):  # a cancellation has none; a group was counted by its members
                self.counts.recover(counted_as(leaf) or self._key(leaf, component))
            return
        code = ErrorCode(code_or_error)
        # It was recovered, so it was recoverable, unless the code says that it never is.
        recoverable = code.is_recoverable or code.depends_on_cause
        self.counts.recover((code.value, component or names.COMPONENT_AGENT, recoverable))

    # -- spans -----------------------------------------------------------------------------

    def start(self, spec: SpanSpec) -> Span:
        """Starts a span as a child of the current one."""
        kind = _CLIENT if spec.is_client else _INTERNAL
        try:
            return self._start_span(spec.name, None, kind, spec.attributes)
        except Exception as problem:  # noqa: BLE001 - a tracer of the application's, which may raise anything
            self.trouble.report("start_span", problem, "traces")
            return self._start_bare(spec, kind)

    def attach(self, span: Span) -> Token[Context] | None:
        """Makes a span the current one; None where that is not possible."""
        if self._watch.thread and self._watch.is_here():
            return None
        return context.attach(set_span_in_context(span))

    def detach(self, attached: Token[Context] | None) -> None:
        """Undoes `attach`."""
        if attached is not None:
            context.detach(attached)

    def fail(self, span: Span, error: BaseException, component: str | None) -> None:
        """Reports what left a span as an exception; never raises, for it runs in the agent's own frames."""
        try:
            self.count(error, component, span)
            self.write(span, error, component)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self.trouble.report("record_error", problem)

    def end(self, span: Span) -> None:
        """Ends a span; never raises."""
        try:
            span.end()
        except Exception as problem:  # noqa: BLE001 - a span or processor of the application's
            self.trouble.report("Span.end", problem, "traces")

    # -- what is not hot -------------------------------------------------------------------

    def _start_bare(self, spec: SpanSpec, kind: SpanKind) -> Span:
        try:
            return self._start_span(spec.name, None, kind)
        except Exception:  # noqa: BLE001 - it was not the attributes
            return NULL_SPAN

    def _key(self, error: BaseException, component: str | None) -> ErrorKey:
        if not issubclass(type(component), str):  # nothing that names a component; isinstance would ask it
            component = None
        verdict = self._classifier.classify(error, component)
        return verdict.code.value, str(verdict.component), verdict.recoverable

    def _remember(self, kind: type, component: str | None, series: ErrorSeries) -> None:
        known = self.short_cuts.get(component)
        if known is None:
            if len(self.short_cuts) >= _MOST_SHORT_CUTS:
                self.short_cuts.clear()
            known = self.short_cuts[component] = {}
        if len(known) >= _MOST_SHORT_CUTS:
            known.clear()
        known[kind] = series

    def forget_short_cuts(self) -> None:
        """Forgets what was derived from classification; needed when a rule is added."""
        self.short_cuts.clear()
