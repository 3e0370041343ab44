# SPDX-License-Identifier: Apache-2.0
"""The programs that `startup.py` runs as whole processes, as text; `{endpoint}` is a local receiver's."""

from __future__ import annotations

BARE = "pass"
IMPORT = "import telemetry"
INIT_NONE = "import telemetry; telemetry.init('bench', '1', exporter='none')"
MODULES = (
    "\nimport sys; print([m for m in sys.modules if m.startswith(('opentelemetry', 'pydantic', 'grpc'))])"
)

OURS = """
import telemetry
telemetry.init("bench", "1", exporter="otlp", otlp_endpoint="{endpoint}", otlp_insecure=True)
"""

OURS_ERROR = """
import telemetry
shutdown = telemetry.init("bench", "1", exporter="otlp", otlp_endpoint="{endpoint}", otlp_insecure=True)
with telemetry.observe(component="llm", name="work") as span:
    telemetry.record_error(TimeoutError("it took too long"), component="llm")
shutdown()
"""

# The same by hand: three signals, one resource, gRPC with gzip, batches, global providers.
BY_HAND = """
from grpc import Compression
from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

to = {{"endpoint": "{endpoint}", "insecure": True, "compression": Compression.Gzip}}
resource = Resource.create({{"service.name": "bench", "service.version": "1"}})
tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**to)))
trace.set_tracer_provider(tracers)
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(**to))], resource=resource)
metrics.set_meter_provider(meters)
loggers = LoggerProvider(resource=resource)
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**to)))
_logs.set_logger_provider(loggers)
counter = meters.get_meter("bench").create_counter("kairos.errors.total")
"""

BY_HAND_ERROR = (
    BY_HAND
    + """
from opentelemetry.trace import Status, StatusCode
with tracers.get_tracer("bench").start_as_current_span("work", attributes={{"component": "llm"}}) as span:
    err = TimeoutError("it took too long")
    counter.add(1, {{"error.code": "timeout", "component": "llm", "recoverable": "true"}})
    span.record_exception(err)
    span.set_attribute("error.code", "timeout")
    span.set_attribute("error.recoverable", True)
    span.set_status(Status(StatusCode.ERROR, str(err)))
tracers.shutdown()
meters.shutdown()
loggers.shutdown()
"""
)
