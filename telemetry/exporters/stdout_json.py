# SPDX-License-Identifier: Apache-2.0
"""The documents that `stdout` prints, in the shape and spelling of OpenTelemetry Go's stdout exporters.

Metrics keep exactly the shape that the Kairos guide shows (`ResourceMetrics`, `ScopeMetrics`,
`DataPoints`, ...), so that its `grep` and `jq` recipes work; spans and logs follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    Sum,
)

from telemetry.exporters.plain_values import attributes, rfc3339, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.sdk.metrics import Exemplar
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext

    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["logs_document", "metrics_document", "spans_document"]

_Json = dict[str, Any]


def metrics_document(data: MetricsData, start_unix_nano: int) -> _Json:
    """One collection as a document.

    Args:
        data: What a reader collected.
        start_unix_nano: Stands in as `StartTime` of points that have none (the SDK gives gauges
            none, the shape has the field).
    """
    return {
        "ResourceMetrics": [
            {
                "Resource": _resource(resource.resource),
                "ScopeMetrics": [
                    {
                        "Scope": _scope(scope.scope),
                        "Metrics": [_metric(metric, start_unix_nano) for metric in scope.metrics],
                    }
                    for scope in resource.scope_metrics
                ],
            }
            for resource in data.resource_metrics
        ]
    }


def spans_document(spans: Sequence[ReadableSpan]) -> _Json:
    """One batch of finished spans as a document, grouped by resource and scope."""
    rows = ((span.resource, span.instrumentation_scope, span) for span in spans)
    return {"ResourceSpans": _grouped(rows, "ScopeSpans", "Spans", _span)}


def logs_document(batch: Sequence[ReadableLogRecord]) -> _Json:
    """One batch of log records as a document, grouped by resource and scope."""
    rows = ((record.resource, record.instrumentation_scope, record) for record in batch)
    return {"ResourceLogs": _grouped(rows, "ScopeLogs", "LogRecords", _log)}


def _grouped(
    rows: Iterable[tuple[Resource, InstrumentationScope | None, Any]],
    scopes_key: str,
    items_key: str,
    render: Callable[[Any], _Json],
) -> list[_Json]:
    # By identity: one provider has one resource object, and attributes need not be hashable.
    resources: dict[int, _Json] = {}
    scopes: dict[tuple[int, int], list[_Json]] = {}
    for resource, scope, item in rows:
        key = (id(resource), id(scope))
        if key not in scopes:
            group = resources.setdefault(id(resource), {"Resource": _resource(resource), scopes_key: []})
            scopes[key] = []
            group[scopes_key].append({"Scope": _scope(scope), items_key: scopes[key]})
        scopes[key].append(render(item))
    return list(resources.values())


def _resource(resource: Resource) -> _Json:
    return {"Attributes": attributes(resource.attributes)}


def _scope(scope: InstrumentationScope | None) -> _Json:
    return {"Name": scope.name if scope else "", "Version": (scope.version if scope else None) or ""}


def _metric(metric: Metric, start_unix_nano: int) -> _Json:
    out: _Json = {"Name": metric.name}
    if metric.description:
        out["Description"] = metric.description
    if metric.unit:
        out["Unit"] = metric.unit
    data = metric.data
    match data:
        case Sum():
            out["Sum"] = {
                "DataPoints": [_number_point(point, start_unix_nano) for point in data.data_points],
                "Temporality": _temporality(data.aggregation_temporality),
                "IsMonotonic": data.is_monotonic,
            }
        case Gauge():
            out["Gauge"] = {
                "DataPoints": [_number_point(point, start_unix_nano) for point in data.data_points]
            }
        case Histogram():
            out["Histogram"] = {
                "DataPoints": [_histogram_point(point) for point in data.data_points],
                "Temporality": _temporality(data.aggregation_temporality),
            }
        case _:  # an exponential histogram, the last kind that the SDK has
            out["ExponentialHistogram"] = {
                "DataPoints": [_exponential_point(point) for point in data.data_points],
                "Temporality": _temporality(data.aggregation_temporality),
            }
    return out


def _temporality(temporality: AggregationTemporality) -> str:
    return "DeltaTemporality" if temporality is AggregationTemporality.DELTA else "CumulativeTemporality"


def _number_point(point: NumberDataPoint, start_unix_nano: int) -> _Json:
    start: int | None = point.start_time_unix_nano  # typed int, but None for gauges
    out = {
        "Attributes": attributes(point.attributes),
        "StartTime": rfc3339(start_unix_nano if start is None else start),
        "Time": rfc3339(point.time_unix_nano),
        "Value": value(point.value),
    }
    return _with_exemplars(out, point.exemplars)


def _histogram_point(point: HistogramDataPoint) -> _Json:
    out = {
        "Attributes": attributes(point.attributes),
        "StartTime": rfc3339(point.start_time_unix_nano),
        "Time": rfc3339(point.time_unix_nano),
        "Count": point.count,
        "Bounds": value(point.explicit_bounds),
        "BucketCounts": value(point.bucket_counts),
        "Min": value(point.min),
        "Max": value(point.max),
        "Sum": value(point.sum),
    }
    return _with_exemplars(out, point.exemplars)


def _exponential_point(point: ExponentialHistogramDataPoint) -> _Json:
    out = {
        "Attributes": attributes(point.attributes),
        "StartTime": rfc3339(point.start_time_unix_nano),
        "Time": rfc3339(point.time_unix_nano),
        "Count": point.count,
        "Min": value(point.min),
        "Max": value(point.max),
        "Sum": value(point.sum),
        "Scale": point.scale,
        "ZeroCount": point.zero_count,
        "PositiveBucket": {"Offset": point.positive.offset, "Counts": value(point.positive.bucket_counts)},
        "NegativeBucket": {"Offset": point.negative.offset, "Counts": value(point.negative.bucket_counts)},
    }
    return _with_exemplars(out, point.exemplars)


def _with_exemplars(out: _Json, exemplars: Sequence[Exemplar]) -> _Json:
    if exemplars:
        out["Exemplars"] = [
            {
                "FilteredAttributes": attributes(exemplar.filtered_attributes),
                "Time": rfc3339(exemplar.time_unix_nano),
                "Value": value(exemplar.value),
                "SpanID": _id(exemplar.span_id, 16),
                "TraceID": _id(exemplar.trace_id, 32),
            }
            for exemplar in exemplars
        ]
    return out


def _id(number: int | None, digits: int) -> str:
    return f"{number:0{digits}x}" if number else ""


def _context(context: SpanContext | None) -> _Json | None:
    if context is None:
        return None
    return {
        "TraceID": _id(context.trace_id, 32),
        "SpanID": _id(context.span_id, 16),
        "TraceFlags": f"{context.trace_flags:02x}",
        "TraceState": context.trace_state.to_header(),
        "Remote": context.is_remote,
    }


def _link(link: Link) -> _Json:
    return {"SpanContext": _context(link.context), "Attributes": attributes(link.attributes)}


def _span(span: ReadableSpan) -> _Json:
    return {
        "Name": span.name,
        "SpanContext": _context(span.get_span_context()),
        "Parent": _context(span.parent),
        "SpanKind": span.kind.name.capitalize(),
        "StartTime": rfc3339(span.start_time),
        "EndTime": rfc3339(span.end_time),
        "Attributes": attributes(span.attributes),
        "Events": [
            {"Name": event.name, "Attributes": attributes(event.attributes), "Time": rfc3339(event.timestamp)}
            for event in span.events
        ],
        "Links": [_link(link) for link in span.links],
        "Status": {
            "Code": span.status.status_code.name.capitalize(),
            "Description": span.status.description or "",
        },
    }


def _log(record: ReadableLogRecord) -> _Json:
    log = record.log_record
    return {
        "Timestamp": rfc3339(log.timestamp),
        "ObservedTimestamp": rfc3339(log.observed_timestamp),
        "Severity": log.severity_number.value if log.severity_number is not None else 0,
        "SeverityText": log.severity_text or "",
        "Body": value(log.body),
        "Attributes": attributes(log.attributes),
        "TraceID": _id(log.trace_id, 32),
        "SpanID": _id(log.span_id, 16),
        "TraceFlags": f"{log.trace_flags or 0:02x}",
        "EventName": log.event_name or "",
    }
