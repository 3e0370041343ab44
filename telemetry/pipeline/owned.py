# SPDX-License-Identifier: Apache-2.0
"""Providers of our own, with the exporters that the settings name."""

from __future__ import annotations

import logging
from threading import Thread
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from telemetry.exporters import registry
from telemetry.exporters.sdk_logs import LoggerProvider, LogRecordExportResult, LogRecordLimits
from telemetry.pipeline.batch import BatchWorker
from telemetry.pipeline.interval_reader import IntervalReader
from telemetry.pipeline.metric_export import BookedMetricExporter
from telemetry.pipeline.outcomes import SIGNALS, FlushResult, Ledger
from telemetry.pipeline.processors import QueueLogs, QueueSpans
from telemetry.pipeline.resource import resource_of
from telemetry.pipeline.sampling import ParentOrRatio
from telemetry.pipeline.ticker import flush_all
from telemetry.pipeline.views import views

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from telemetry.config import Settings
    from telemetry.exporters.base import Exporters
    from telemetry.exporters.sdk_logs import LogRecordExporter, ReadableLogRecord
    from telemetry.metrics.instruments import Counter
    from telemetry.pipeline.outcomes import ExporterStatus, Signal
    from telemetry.pipeline.self_metrics import SelfMetrics
    from telemetry.pipeline.span_reader import SpanReader

__all__ = ["OwnedProviders"]


_logger = logging.getLogger("telemetry")
_GRACE_SECONDS = 0.05
"""For threads whose export was cut short to book it; part of the 100 ms that a deadline may be late."""


class OwnedProviders:
    """Meter, tracer and logger provider, their readers, queues, exporters and books.

    Args:
        config: The settings.
        self_metrics: Where drops and durations are recorded.
        counters: Our counters by name, for the start times of their series.
        is_child: Whether this process was forked from one with the same settings.

    Raises:
        TelemetryError: An exporter could not be set up; those that were are shut down again.
    """

    takes_exemplars = True

    def __init__(
        self,
        config: Settings,
        self_metrics: SelfMetrics,
        counters: Callable[[], dict[str, Counter]],
        *,
        is_child: bool = False,
    ) -> None:
        self._config = config
        self._self_metrics = self_metrics
        self._counters = counters
        self._readers: list[IntervalReader] = []
        self._workers: list[BatchWorker[Any]] = []
        self._ledgers: dict[Signal, list[Ledger]] = {signal: [] for signal in SIGNALS}
        self._scraped: list[Callable[[], None]] = []
        self.exporters = _build_all(config)
        resource = resource_of(config, is_child=is_child)
        self.meter_provider = self._build_metrics(resource)
        self.tracer_provider = self._build_traces(resource)
        self.logger_provider = self._build_logs(resource)
        for reader in self._readers:
            reader.start()

    @property
    def exports_logs(self) -> bool:
        """Whether any exporter takes log records."""
        return bool(self._ledgers["logs"])

    def let_read(self, reader: SpanReader) -> None:
        """Lets a reader see every span from now on."""
        self._spans.reader = reader

    def flush(self, deadline: float) -> FlushResult:
        """Exports everything recorded so far, until `deadline` (`time.monotonic()` seconds)."""
        flush_all([*self._workers, *self._readers], deadline)
        return self.result()

    def shutdown(self, deadline: float) -> FlushResult:
        """Exports what is left until `deadline`, then ends threads and exporters."""
        threads: list[IntervalReader | BatchWorker[Any]] = [*self._workers, *self._readers]
        for each in threads:
            each.stop()
        for each in threads:
            each.join(deadline)
        # Closing an exporter ends its export: a moment later the books say how that ended.
        grace = max(deadline, monotonic()) + _GRACE_SECONDS
        _call_all([*(each.close for each in threads), *self._scraped], grace)
        for each in threads:
            each.join(grace)
        for worker in self._workers:
            worker.give_up()
        providers = (self.meter_provider, self.tracer_provider, self.logger_provider)
        _call_all([provider.shutdown for provider in providers], grace)
        return self.result()

    def result(self) -> FlushResult:
        """Returns what became of the records so far."""
        return FlushResult(**{signal: Ledger.total(ledgers) for signal, ledgers in self._ledgers.items()})

    def status(self) -> list[ExporterStatus]:
        """Returns the books per signal and exporter."""
        return [ledger.status() for ledgers in self._ledgers.values() for ledger in ledgers]

    # -- building --------------------------------------------------------------------------

    def _build_metrics(self, resource: Any) -> MeterProvider:
        readers: list[MetricReader] = []
        for name in self._config.exporters_for("metrics"):
            part = self.exporters[name].metrics
            if isinstance(part, MetricReader):
                readers.append(part)
                self._scraped.append(part.shutdown)
            elif part is not None:
                readers.append(self._interval_reader(name, part))
        return MeterProvider(
            readers, resource, shutdown_on_exit=False, views=views(self._config.cardinality_limit)
        )

    def _interval_reader(self, name: str, exporter: MetricExporter) -> IntervalReader:
        booked = BookedMetricExporter(
            exporter, self._ledger("metrics", name), self._counters, self._self_metrics.on_export("metrics")
        )
        reader = IntervalReader(
            booked, name, self._config.metric_interval_seconds, self._config.metric_timeout_seconds
        )
        self._readers.append(reader)
        return reader

    def _build_traces(self, resource: Any) -> TracerProvider:
        config = self._config
        workers: list[BatchWorker[ReadableSpan]] = []
        for name in config.exporters_for("traces"):
            exporter = self.exporters[name].spans
            if exporter is not None:
                workers.append(self._worker("traces", name, _span_export(exporter), exporter.shutdown))
        self._spans = QueueSpans(workers, keep_errors=config.traces_keep_errors)
        return TracerProvider(
            sampler=ParentOrRatio(config.traces_sampler_ratio, keep_errors=config.traces_keep_errors),
            resource=resource,
            shutdown_on_exit=False,
            span_limits=SpanLimits(
                max_attribute_length=config.attribute_value_limit,
                max_span_attribute_length=config.attribute_value_limit,
            ),
            active_span_processor=self._spans,
            meter_provider=self.meter_provider,
        )

    def _build_logs(self, resource: Any) -> LoggerProvider:
        workers: list[BatchWorker[ReadableLogRecord]] = []
        for name in self._config.exporters_for("logs"):
            exporter = self.exporters[name].logs
            if exporter is not None:
                workers.append(self._worker("logs", name, _log_export(exporter), exporter.shutdown))
        provider = LoggerProvider(
            resource,
            shutdown_on_exit=False,
            meter_provider=self.meter_provider,
            log_record_limits=LogRecordLimits(max_attribute_length=self._config.attribute_value_limit),
        )
        provider.add_log_record_processor(QueueLogs(workers, resource))
        return provider

    def _worker(
        self, signal: Signal, name: str, export: Callable[[list[Any]], str | None], close: Callable[[], None]
    ) -> BatchWorker[Any]:
        on_export = self._self_metrics.on_export(signal)
        worker: BatchWorker[Any] = BatchWorker(
            _timed(export, on_export),
            close,
            self._ledger(signal, name),
            max_records=self._config.queue_max_records,
            interval_s=self._config.flush_interval_seconds,
        )
        self._workers.append(worker)
        return worker

    def _ledger(self, signal: Signal, name: str) -> Ledger:
        ledger = Ledger(signal, name, self._self_metrics.on_drop(signal))
        self._ledgers[signal].append(ledger)
        return ledger


def _build_all(config: Settings) -> dict[str, Exporters]:
    built: dict[str, Exporters] = {}
    try:
        for name in config.all_exporters:
            built[name] = registry.build(name, config)
    except Exception:
        for exporters in built.values():
            for part in (exporters.metrics, exporters.spans, exporters.logs):
                if part is not None:
                    part.shutdown()
        raise
    return built


def _call_all(calls: list[Callable[[], None]], deadline: float) -> None:
    """Calls each in a thread, for one may hang or raise; returns when all have ended, or at the deadline."""
    threads = [Thread(target=_contained, args=(call,), name="kairos-close", daemon=True) for call in calls]
    for thread in threads:
        try:
            thread.start()
        except RuntimeError:  # Python 3.12 starts no thread while the interpreter shuts down
            thread.run()
    for thread in threads:
        if thread.is_alive():
            thread.join(max(0.0, deadline - monotonic()))


def _contained(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - an exporter's bug must not keep the pipeline from ending
        _logger.warning("an exporter could not be shut down: %s: %s", type(error).__name__, error)


def _span_export(exporter: SpanExporter) -> Callable[[list[ReadableSpan]], str | None]:
    def export(batch: list[ReadableSpan]) -> str | None:
        is_delivered = exporter.export(batch) is SpanExportResult.SUCCESS
        return None if is_delivered else "the exporter reported a failure"

    return export


def _log_export(exporter: LogRecordExporter) -> Callable[[list[ReadableLogRecord]], str | None]:
    def export(batch: list[ReadableLogRecord]) -> str | None:
        is_delivered = exporter.export(batch) is LogRecordExportResult.SUCCESS
        return None if is_delivered else "the exporter reported a failure"

    return export


def _timed(
    export: Callable[[list[Any]], str | None], on_export: Callable[[float, bool], None]
) -> Callable[[list[Any]], str | None]:
    def timed(batch: list[Any]) -> str | None:
        started = perf_counter()
        problem: str | None = "the exporter raised"
        try:
            problem = export(batch)
        finally:
            on_export(perf_counter() - started, problem is None)
        return problem

    return timed
