# SPDX-License-Identifier: Apache-2.0
"""Parsing: OTLP requests into records with the identity that tells a repetition from a new record."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from telemetry.testing.received import ReceivedLog, ReceivedPoint, ReceivedSpan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    from telemetry.config.exporters import Signal

__all__ = ["Record", "parse"]

_KINDS = ("sum", "gauge", "histogram", "exponential_histogram", "summary")


class Record(NamedTuple):
    """One record of a request.

    Attributes:
        identity: Equal for the same record sent again, different for any other.
        value: The record in plain values.
    """

    identity: bytes
    value: ReceivedSpan | ReceivedLog | ReceivedPoint


def parse(signal: Signal, body: bytes) -> list[Record]:
    """Return the records of a request, in its order.

    Raises:
        google.protobuf.message.DecodeError: The body is no such request.
    """
    return list(_PARSERS[signal](body))


def _spans(body: bytes) -> Iterator[Record]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _attributes(group.resource.attributes)
        for scoped in group.scope_spans:
            for span in scoped.spans:
                yield Record(
                    span.trace_id + span.span_id,
                    ReceivedSpan(
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.start_time_unix_nano,
                        span.end_time_unix_nano,
                        span.status.code == Status.STATUS_CODE_ERROR,
                        _attributes(span.attributes),
                        resource,
                        scoped.scope.name,
                    ),
                )


def _logs(body: bytes) -> Iterator[Record]:
    for group in ExportLogsServiceRequest.FromString(body).resource_logs:
        resource = _attributes(group.resource.attributes)
        origin = _encoded(group.resource)
        for scoped in group.scope_logs:
            for log in scoped.log_records:
                # OTLP gives log records no id; no other has the same content to the nanosecond.
                yield Record(
                    _digest(origin, _encoded(log)),
                    ReceivedLog(
                        _plain(log.body),
                        log.severity_text,
                        log.event_name,
                        log.time_unix_nano or log.observed_time_unix_nano,
                        log.trace_id.hex(),
                        log.span_id.hex(),
                        _attributes(log.attributes),
                        resource,
                        scoped.scope.name,
                    ),
                )


def _points(body: bytes) -> Iterator[Record]:
    for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        resource = _attributes(group.resource.attributes)
        origin = _encoded(group.resource)
        for scoped in group.scope_metrics:
            for metric in scoped.metrics:
                kind = metric.WhichOneof("data")
                if kind not in _KINDS:
                    continue
                data = getattr(metric, kind)
                is_delta = (
                    getattr(data, "aggregation_temporality", 0)
                    == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
                )
                for point in data.data_points:
                    yield Record(
                        _digest(origin, scoped.scope.name.encode(), metric.name.encode(), _encoded(point)),
                        ReceivedPoint(
                            metric.name,
                            _number(point),
                            getattr(point, "count", 1),
                            kind == "sum",
                            is_delta,
                            getattr(data, "is_monotonic", False),
                            point.start_time_unix_nano,
                            point.time_unix_nano,
                            _attributes(point.attributes),
                            resource,
                            scoped.scope.name,
                        ),
                    )


_PARSERS = {"traces": _spans, "logs": _logs, "metrics": _points}


def _number(point: Any) -> float:
    which = point.WhichOneof("value") if hasattr(point, "as_int") else "sum"
    return getattr(point, which) if which else 0.0


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case kind:
            return getattr(value, kind)


def _encoded(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()
