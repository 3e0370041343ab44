# SPDX-License-Identifier: Apache-2.0
"""The two ways a load is sent: through `telemetry.init`, and through the plain SDK set up by hand."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.trace import get_tracer

if TYPE_CHECKING:
    from collections.abc import Callable

INCREMENTS = "load.increments"
HUGE = "load.huge"


@dataclass
class LoadOptions:
    """What a load program does; written as JSON on its command line.

    Attributes:
        endpoint: The receiver's.
        books: Folder in which the processes tell what they emitted.
        stack: `ours` or `sdk`.
        protocol: `grpc` or `http`.
        signals: What is emitted.
        temporality: `cumulative` or `delta`.
        rate: Records per second and signal; 0 is as fast as it goes.
        seconds: Instead of `count`: for how long to emit, in bursts and pauses of random length.
        seed: Of what is random.
        count: Records per signal and process.
        shape: `plain`, `fork` or `pool` (children of multiprocessing emit), `labels` (a label value of
            its own for every increment), `giant` (one span and one log record of 5 MiB), `poison` (one
            log record that cannot be encoded), `huge` (a counter above 2**63-1).
        padding: Bytes of further attributes on every record.
        exit: `return`, `sys.exit`, `exception`, `_exit`, `execv`, or `wait` for the end to come.
        metric_interval_s: Between two exports of metrics.
        spool_dir: For ours.
        settings: Further settings for ours.
        linger_s: For how long to go on after the last record.
    """

    endpoint: str
    books: str
    stack: str = "ours"
    protocol: str = "grpc"
    signals: tuple[str, ...] = ("traces", "metrics", "logs")
    temporality: str = "cumulative"
    rate: float = 50
    count: int = 100
    seconds: float = 0.0
    seed: int = 0
    shape: str = "plain"
    padding: int = 0
    exit: str = "return"
    metric_interval_s: float = 1.0
    spool_dir: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    linger_s: float = 0.0

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Stack(Protocol):
    """Emits the load's records."""

    emit: dict[str, Callable[[int], None]]

    def report(self) -> dict[str, Any] | None:
        """What the stack says became of them; None when it says nothing."""

    def end(self, what: str, timeout_s: float) -> dict[str, Any]:
        """Flushes or shuts down, and tells how long it took and what it said."""


class Ours:
    """`telemetry.init` and OpenTelemetry's API on its providers."""

    def __init__(self, options: LoadOptions) -> None:
        import telemetry

        os.environ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"] = options.temporality
        self._options = options
        self.pipeline = telemetry.init(
            "load",
            "1",
            exporter={"grpc": "otlp", "http": "otlp-http"}[options.protocol],
            otlp_endpoint=options.endpoint,
            metric_interval_seconds=options.metric_interval_s,
            **({} if options.spool_dir is None else {"spool_dir": options.spool_dir}),
            **options.settings,
        )
        counter, huge = telemetry.counter(INCREMENTS), telemetry.counter(HUGE)
        self.emit = {
            # As libraries do it: through the global providers, which work in forked children, too.
            "traces": _spans(get_tracer("load"), options),
            "logs": _logs(get_logger("load"), options),
            "metrics": _increments(
                lambda value, labels: counter.bind(labels).add(value),
                lambda value: huge.bind({}).add(value),
                options,
            ),
        }

    def report(self) -> dict[str, Any] | None:
        result = self.pipeline.shutdown()  # it is down already: this only reads what it said
        return {"result": _plain(result), "status": _status(self.pipeline)}

    def end(self, what: str, timeout_s: float) -> dict[str, Any]:
        act = {"flush": self.pipeline.force_flush, "shutdown": self.pipeline.shutdown}[what]
        begun = time.monotonic()
        result = act(timeout_s)
        return {"seconds": time.monotonic() - begun, "result": _plain(result)}


class PlainSdk:
    """The SDK as its documentation sets it up."""

    def __init__(self, options: LoadOptions) -> None:
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        os.environ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"] = options.temporality
        spans, points, logs = _sdk_exporters(options)
        resource = Resource.create({"service.name": "load", "service.instance.id": f"sdk-{os.getpid()}"})
        self._tracers = TracerProvider(resource=resource)
        self._tracers.add_span_processor(BatchSpanProcessor(spans))
        reader = PeriodicExportingMetricReader(
            points, export_interval_millis=options.metric_interval_s * 1000
        )
        meters = MeterProvider(metric_readers=[reader], resource=resource)
        loggers = LoggerProvider(resource=resource)
        loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
        counter, huge = (meters.get_meter("load").create_counter(name) for name in (INCREMENTS, HUGE))
        self.emit = {
            "traces": _spans(self._tracers.get_tracer("load"), options),
            "logs": _logs(loggers.get_logger("load"), options),
            "metrics": _increments(counter.add, huge.add, options),
        }

    def report(self) -> None:
        return None

    def end(self, what: str, timeout_s: float) -> dict[str, Any]:
        begun = time.monotonic()
        result = self._tracers.force_flush(int(timeout_s * 1000))
        return {"seconds": time.monotonic() - begun, "result": result}


STACKS = {"ours": Ours, "sdk": PlainSdk}


def _sdk_exporters(options: LoadOptions) -> tuple[Any, Any, Any]:
    if options.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans

        return tuple(
            kind(endpoint=options.endpoint, insecure=True) for kind in (GrpcSpans, GrpcMetrics, GrpcLogs)
        )
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans

    url = options.endpoint
    return (
        HttpSpans(endpoint=f"{url}/v1/traces"),
        HttpMetrics(endpoint=f"{url}/v1/metrics"),
        HttpLogs(endpoint=f"{url}/v1/logs"),
    )


def _marks(number: int, options: LoadOptions) -> dict[str, Any]:
    marks: dict[str, Any] = {"load.n": number, "load.run": str(os.getpid())}
    if options.shape == "giant" and number == options.count // 2:
        marks["giant"] = "x" * 5 * 1024 * 1024
    for part in range(-(-options.padding // 4000)):  # below the limit of attribute values
        marks[f"padding.{part}"] = "x" * min(4000, options.padding - 4000 * part)
    return marks


def _spans(tracer: Any, options: LoadOptions) -> Callable[[int], None]:
    def emit(number: int) -> None:
        tracer.start_span("load", attributes=_marks(number, options)).end()

    return emit


def _logs(logger: Any, options: LoadOptions) -> Callable[[int], None]:
    def emit(number: int) -> None:
        is_poison = options.shape == "poison" and number == options.count // 2
        now = time.time_ns()
        logger.emit(
            LogRecord(
                timestamp=now,
                observed_timestamp=now,
                severity_number=SeverityNumber.INFO,
                body={"lone": "\ud800", "large": 2**70} if is_poison else f"record {number}",
                attributes=_marks(number, options),
            )
        )

    return emit


def _increments(
    add: Callable[[int, dict[str, Any]], None], add_huge: Callable[[int], None], options: LoadOptions
) -> Callable[[int], None]:
    def emit(number: int) -> None:
        labels: dict[str, Any] = {"load.run": str(os.getpid())}
        if options.shape == "labels":
            labels["label"] = str(number)
        if options.padding:
            labels["label"] = str(number)
            labels["padding"] = "x" * min(4000, options.padding)
        if options.shape == "huge" and number == options.count // 2:
            add_huge(2**63)
        add(1, labels)

    return emit


def _plain(result: Any) -> dict[str, dict[str, int]]:
    return {signal: figures._asdict() for signal, figures in result._asdict().items()}


def _status(pipeline: Any) -> list[dict[str, Any]]:
    return [{**each._asdict(), "dropped": dict(each.dropped)} for each in pipeline.status()]
