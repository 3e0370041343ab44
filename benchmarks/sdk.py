# SPDX-License-Identifier: Apache-2.0
"""The peer of most rows: the OpenTelemetry SDK, set up by hand as its documentation shows."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.metrics import Counter
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span

__all__ = ["NewestSpans", "classify", "metrics", "points", "record_error", "total", "traces"]


class NewestSpans(SpanExporter):
    """Keeps the newest spans: as cheap as an exporter can be whose work can still be checked."""

    def __init__(self) -> None:
        self.spans: deque[ReadableSpan] = deque(maxlen=10_000)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS


def metrics() -> tuple[MeterProvider, InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    return MeterProvider([reader], shutdown_on_exit=False), reader


def traces() -> tuple[TracerProvider, NewestSpans]:
    provider, exporter = TracerProvider(shutdown_on_exit=False), NewestSpans()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter


def points(reader: InMemoryMetricReader, name: str) -> dict[tuple[tuple[str, object], ...], float]:
    """The values of one metric by its sorted attributes."""
    data = reader.get_metrics_data()
    return {
        tuple(sorted(point.attributes.items())): point.value
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    }


def total(reader: InMemoryMetricReader, name: str) -> float:
    return sum(points(reader, name).values())


def classify(err: BaseException) -> tuple[str, str]:
    """What a service writes by hand: the code of an error and whether another attempt may help."""
    if isinstance(err, TimeoutError):
        return "timeout", "true"
    if isinstance(err, ConnectionError):
        return "tool_failure", "true"
    if isinstance(err, PermissionError):
        return "unauthorized", "false"
    if isinstance(err, FileNotFoundError | LookupError):
        return "not_found", "false"
    if isinstance(err, ValueError | TypeError):
        return "invalid_input", "false"
    return "internal_error", "false"


def record_error(counter: Counter, span: Span, err: BaseException, component: str) -> None:
    """Count an error and put it on a span by hand."""
    code, recoverable = classify(err)
    counter.add(1, {"error.code": code, "component": component, "recoverable": recoverable})
    span.record_exception(err)
    span.set_attribute("error.code", code)
    span.set_attribute("error.recoverable", recoverable == "true")
    span.set_attribute("component", component)
    span.set_status(Status(StatusCode.ERROR, str(err)))
