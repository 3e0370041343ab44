# SPDX-License-Identifier: Apache-2.0
"""What a pipeline hands every span to. Cheap for spans that have nothing to do with GenAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode

from telemetry import conventions as names
from telemetry.genai.meters import Meters
from telemetry.pipeline.span_reader import OWN_NAMES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from opentelemetry.sdk.trace import ReadableSpan, Span  # noqa: TID251 - for type checkers only

    from telemetry.classification import Classifier
    from telemetry.genai.derivation import Derivation
    from telemetry.pipeline.recorder import Recorder

__all__ = ["SpanReader"]

_MARKS = frozenset(
    {
        names.OPERATION,
        names.REQUEST_MODEL,
        names.GEN_AI_TOOL_NAME,
        names.SYSTEM,
        "openinference.span.kind",
        "traceloop.span.kind",
        "llm.request.type",
        "agent_name",
    }
)
"""A span without any of these attributes is no GenAI span, in any dialect."""

_ERROR = StatusCode.ERROR  # a member of an enum costs a look-up through its metaclass each time


class SpanReader:
    """Reads GenAI spans of any instrumentor. Thread-safe; never raises.

    Args:
        recorder: The recording side of the pipeline whose spans it reads.
        classifier: Says what an exception is.
        histograms: Names of the histograms that libraries created -> their instrumentation scopes.
    """

    def __init__(
        self, recorder: Recorder, classifier: Classifier, histograms: Mapping[str, Collection[str]]
    ) -> None:
        self._recorder = recorder
        self._classifier = classifier
        self._meters = Meters(histograms)
        self._derivation: Derivation | None = None

    def on_start(self, span: Span) -> None:
        """Notes operations of our own, and spans of instrumentors that measure by themselves."""
        try:
            scope = span.instrumentation_scope
            if scope is None:
                return
            if scope.name == names.SCOPE_NAME:
                if not span.name.startswith(OWN_NAMES):
                    return  # `observe`: looking at its attributes would cost more than starting it
                operation = (span.attributes or {}).get(names.OPERATION)
                if operation is not None:
                    context = span.get_span_context()
                    self._derived().own_started(context.trace_id, context.span_id, str(operation))
            elif self._meters.any and self._meters.measured_by(scope.name):
                context = span.get_span_context()
                self._derived().measuring_started(context.trace_id, context.span_id, scope.name)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._recorder.trouble.report("genai", problem)

    def on_end(self, span: ReadableSpan) -> None:
        """Derives metrics from a span, if it is a GenAI span."""
        try:
            scope = span.instrumentation_scope
            context = span.context
            if scope is not None and scope.name == names.SCOPE_NAME:
                if self._derivation is not None or span.status.status_code is _ERROR:
                    self._derived().own_ended(span, context.trace_id, context.span_id)
            else:
                if not _MARKS.isdisjoint(span.attributes or ()):
                    self._derived().ended(span)
                if scope is not None and self._meters.any and self._meters.measured_by(scope.name):
                    self._derived().measuring_ended(context.trace_id, context.span_id)
            if span.parent is None and self._derivation is not None:
                self._derivation.trace_ended(context.trace_id)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._recorder.trouble.report("genai", problem)

    def _derived(self) -> Derivation:
        if self._derivation is None:
            from telemetry.genai.derivation import Derivation

            self._derivation = Derivation(self._recorder, self._classifier, self._meters)
        return self._derivation
