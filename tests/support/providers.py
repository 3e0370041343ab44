# SPDX-License-Identifier: Apache-2.0
"""SDK providers around exporters under test."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from support.otlp_exporters import as_sdk_exporters

from telemetry.exporters.sdk_logs import LoggerProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.trace import Tracer

    from telemetry.exporters.base import Exporters

RESOURCE = Resource({"service.name": "tested", "service.version": "1.2.3"})
SCOPE = "kairos.telemetry"


@dataclass(frozen=True)
class Providers:
    meters: MeterProvider
    tracers: TracerProvider
    loggers: LoggerProvider

    @property
    def meter(self) -> Meter:
        return self.meters.get_meter(SCOPE, "0.1")

    @property
    def tracer(self) -> Tracer:
        return self.tracers.get_tracer(SCOPE, "0.1")  # type: ignore[return-value]  # the SDK's own tracer

    def log(self, body: object, **attributes: object) -> None:
        record = LogRecord(
            body=body,  # type: ignore[arg-type]  # tests pass what users pass
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            attributes=attributes,  # type: ignore[arg-type]  # likewise
            timestamp=1_700_000_000_123_456_789,
        )
        self.loggers.get_logger(SCOPE, "0.1").emit(record)

    def flush(self) -> None:
        self.tracers.force_flush()
        self.loggers.force_flush()
        self.meters.force_flush()

    def record_everything(self) -> None:
        """One error count of 5, one health of 2, one histogram, a span in a span, and a log in it."""
        errors = self.meter.create_counter("kairos.errors.total", unit="{error}", description="Errors")
        health = self.meter.create_gauge("kairos.health.status", unit="{status}")
        with self.tracer.start_as_current_span("invoke_agent kairos"):
            errors.add(3, {"error.code": "timeout", "component": "llm", "recoverable": "true"})
            errors.add(2, {"error.code": "tool_failure", "component": "tool", "recoverable": "false"})
            health.set(2, {"component": "llm"})
            self.meter.create_histogram("gen_ai.client.operation.duration", unit="s").record(0.5)
            with self.tracer.start_as_current_span("chat model-1"):
                self.log("retrying", attempt=2)


@contextmanager
def providers(exporters: Exporters) -> Iterator[Providers]:
    """Providers that use the exporters; flushed and shut down at the end."""
    exporters = as_sdk_exporters(exporters)
    metrics = exporters.metrics
    reader = (
        metrics
        if isinstance(metrics, MetricReader) or metrics is None
        else PeriodicExportingMetricReader(metrics, export_interval_millis=3_600_000)
    )
    made = Providers(
        MeterProvider([reader] if reader else [], RESOURCE, shutdown_on_exit=False),
        TracerProvider(resource=RESOURCE, shutdown_on_exit=False),
        LoggerProvider(RESOURCE, shutdown_on_exit=False),
    )
    if exporters.spans is not None:
        made.tracers.add_span_processor(BatchSpanProcessor(exporters.spans))
    if exporters.logs is not None:
        made.loggers.add_log_record_processor(BatchLogRecordProcessor(exporters.logs))
    try:
        yield made
    finally:
        made.tracers.shutdown()
        made.loggers.shutdown()
        made.meters.shutdown()
