# SPDX-License-Identifier: Apache-2.0
"""The test data: one point, one span, one log record, and how each signal is sent over OTLP."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_INFO, LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from telemetry import conventions

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from telemetry.config import Settings
    from telemetry.config.exporters import Signal

__all__ = ["Parcel", "parcels"]

DOCTOR_METRIC = "kairos.telemetry.doctor"
DOCTOR_SPAN = "kairos doctor"
DOCTOR_LOG = "kairos doctor"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One signal's test point, ready to be sent.

    Attributes:
        name: What it is, for people: metric, span or log.
        variable: The signal's name in `OTEL_..._EXPORTER`.
        path: Where it goes over HTTP.
        method: Where it goes over gRPC.
        request: The OTLP request.
        response_type: The OTLP answer.
    """

    name: str
    variable: str
    path: str
    method: str
    request: Message
    response_type: type[Message]

    def rejection(self, response: Message) -> tuple[int, str]:
        """How many records the receiver rejected, and what it said about it."""
        partial = cast("Any", response).partial_success  # all three answers have it
        counts = [value for field, value in partial.ListFields() if field.name.startswith("rejected_")]
        return (counts[0] if counts else 0), partial.error_message


def parcels(config: Settings, exporter: str) -> list[Parcel]:
    """The test points of the signals that `exporter` is configured for."""
    resource = Resource(attributes=_attributes(config))
    scope = InstrumentationScope(name=conventions.SCOPE_NAME)
    now = time.time_ns()
    made: dict[Signal, Parcel] = {
        "metrics": Parcel(
            "metric",
            "METRICS",
            "/v1/metrics",
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            metrics_service_pb2.ExportMetricsServiceRequest(resource_metrics=[_metric(resource, scope, now)]),
            metrics_service_pb2.ExportMetricsServiceResponse,
        ),
        "traces": Parcel(
            "span",
            "TRACES",
            "/v1/traces",
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            trace_service_pb2.ExportTraceServiceRequest(resource_spans=[_span(resource, scope, now)]),
            trace_service_pb2.ExportTraceServiceResponse,
        ),
        "logs": Parcel(
            "log",
            "LOGS",
            "/v1/logs",
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            logs_service_pb2.ExportLogsServiceRequest(resource_logs=[_log(resource, scope, now)]),
            logs_service_pb2.ExportLogsServiceResponse,
        ),
    }
    return [parcel for signal, parcel in made.items() if exporter in config.exporters_for(signal)]


def _attributes(config: Settings) -> list[KeyValue]:
    known = {"service.name": config.service_name, "service.version": config.service_version}
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in known.items() if value]


def _metric(resource: Resource, scope: InstrumentationScope, now: int) -> ResourceMetrics:
    point = NumberDataPoint(time_unix_nano=now, as_int=1)
    metric = Metric(
        name=DOCTOR_METRIC, description="Sent by kairos doctor.", gauge=Gauge(data_points=[point])
    )
    return ResourceMetrics(resource=resource, scope_metrics=[ScopeMetrics(scope=scope, metrics=[metric])])


def _span(resource: Resource, scope: InstrumentationScope, now: int) -> ResourceSpans:
    span = Span(
        trace_id=secrets.token_bytes(16),
        span_id=secrets.token_bytes(8),
        name=DOCTOR_SPAN,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=now,
        end_time_unix_nano=now + 1_000_000,
        status=Status(),
    )
    return ResourceSpans(resource=resource, scope_spans=[ScopeSpans(scope=scope, spans=[span])])


def _log(resource: Resource, scope: InstrumentationScope, now: int) -> ResourceLogs:
    record = LogRecord(
        time_unix_nano=now,
        observed_time_unix_nano=now,
        severity_number=SEVERITY_NUMBER_INFO,
        severity_text="INFO",
        body=AnyValue(string_value=DOCTOR_LOG),
    )
    return ResourceLogs(resource=resource, scope_logs=[ScopeLogs(scope=scope, log_records=[record])])
