# SPDX-License-Identifier: Apache-2.0
"""Which queue or reader leads to which exporter, with everything in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricExportResult, MetricReader
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.exporters.encoding import encode_logs, encode_metrics, encode_spans
from telemetry.exporters.sdk_logs import LogRecordExportResult
from telemetry.metrics.courtesy import COURTESY
from telemetry.pipeline.cleaning.outgoing import Outgoing
from telemetry.pipeline.cleaning.readers import let_clean
from telemetry.pipeline.delivery.batch import BatchWorker
from telemetry.pipeline.delivery.in_flight import InFlight
from telemetry.pipeline.delivery.interval_reader import IntervalReader
from telemetry.pipeline.delivery.metric_export import MetricExport
from telemetry.pipeline.delivery.ways_out import DirectExport, QueuedExport
from telemetry.pipeline.delivery.weights import weight_of_log, weight_of_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.metrics.export import MetricExporter, MetricsData

    from telemetry.config import Settings
    from telemetry.exporters.base import Exporters, Otlp
    from telemetry.exporters.sdk_logs import LogRecordExporter
    from telemetry.metrics.instruments import Counter
    from telemetry.pipeline.delivery.otlp import Delivery
    from telemetry.pipeline.delivery.outcomes import Ledger, Signal
    from telemetry.pipeline.self_metrics import SelfMetrics

    Out = Callable[[list[Any], int], None]
    Problem = Callable[[], str | None]

__all__ = ["Wiring"]


class Wiring:
    """Builds the readers and workers of one pipeline.

    Args:
        config: The settings.
        exporters: The exporters by name.
        deliveries: The deliveries of those that send OTLP requests, by name.
        new_ledger: Makes the books of a signal and an exporter.
        self_metrics: Where durations and cut values are recorded.
    """

    def __init__(
        self,
        config: Settings,
        exporters: Mapping[str, Exporters],
        deliveries: Mapping[str, Delivery],
        new_ledger: Callable[[Signal, str], Ledger],
        self_metrics: SelfMetrics,
    ) -> None:
        self._config = config
        self._exporters = exporters
        self._deliveries = deliveries
        self._new_ledger = new_ledger
        self._self_metrics = self_metrics

    def readers(self, counters: Callable[[], dict[str, Counter]]) -> list[MetricReader]:
        """Builds what the meter provider collects for: one reader for each exporter that takes metrics.

        Args:
            counters: Our counters by name, for the start times of their series.
        """
        readers: list[MetricReader] = []
        for name in self._config.exporters_for("metrics"):
            built = self._exporters[name]
            if isinstance(built.metrics, MetricReader):
                outgoing = Outgoing(self._config, self._self_metrics.on_truncated)
                let_clean(built.metrics, outgoing.clean_metrics)
                readers.append(built.metrics)
            elif built.otlp is not None:
                readers.append(self._sending_reader(name, built.otlp, counters))
            elif built.metrics is not None:
                readers.append(self._exporting_reader(name, built.metrics, counters, built.problem))
        return readers

    def workers(self, signal: Signal) -> list[BatchWorker[Any]]:
        """Builds the queues of spans (`traces`) or log records (`logs`), one for each exporter of them."""
        workers = []
        for name in self._config.exporters_for(signal):
            built = self._exporters[name]
            exporter = built.spans if signal == "traces" else built.logs
            if built.otlp is not None:
                workers.append(self._sending_worker(signal, name))
            elif exporter is not None:
                workers.append(self._exporting_worker(signal, name, exporter, built.problem))
        return workers

    # -- metrics ---------------------------------------------------------------------------

    def _sending_reader(
        self, name: str, otlp: Otlp, counters: Callable[[], dict[str, Counter]]
    ) -> IntervalReader:
        ledger = self._new_ledger("metrics", name)
        sender = self._deliveries[name].add_sender(ledger, self._self_metrics.on_export("metrics"))
        in_flight = InFlight(is_revocable=True)
        out: QueuedExport[MetricsData] = QueuedExport(encode_metrics, sender, ledger, in_flight)
        return self._reader(
            name, out, _nothing, ledger, in_flight, counters, otlp.temporality, otlp.aggregation
        )

    def _exporting_reader(
        self,
        name: str,
        exporter: MetricExporter,
        counters: Callable[[], dict[str, Counter]],
        problem: Problem | None,
    ) -> IntervalReader:
        millis = self._config.metric_timeout_seconds * 1000

        def export(data: MetricsData) -> bool:
            return exporter.export(data, timeout_millis=millis) is MetricExportResult.SUCCESS

        ledger = self._new_ledger("metrics", name)
        out = DirectExport(export, ledger, self._self_metrics.on_export("metrics"), problem)
        # An exporter's choice is only kept under these names; the SDK's own reader reads them there too.
        temporality, aggregation = exporter._preferred_temporality, exporter._preferred_aggregation  # noqa: SLF001 - see above
        in_flight = InFlight(is_revocable=False)
        return self._reader(
            name, out, exporter.shutdown, ledger, in_flight, counters, temporality, aggregation
        )

    def _reader(
        self,
        name: str,
        out: Callable[[MetricsData, int], None],
        close: Callable[[], None],
        ledger: Ledger,
        in_flight: InFlight,
        counters: Callable[[], dict[str, Counter]],
        *preferences: Any,
    ) -> IntervalReader:
        config = self._config
        export = MetricExport(out, ledger, counters, self._outgoing(ledger).clean_metrics, in_flight)
        return IntervalReader(
            export,
            close,
            export.give_up,
            name,
            *preferences,
            interval_s=config.metric_interval_seconds,
            timeout_s=config.metric_timeout_seconds,
        )

    # -- spans and logs --------------------------------------------------------------------

    def _sending_worker(self, signal: Signal, name: str) -> BatchWorker[Any]:
        ledger = self._new_ledger(signal, name)
        sender = self._deliveries[name].add_sender(ledger, self._self_metrics.on_export(signal))
        encode = encode_spans if signal == "traces" else encode_logs
        in_flight = InFlight(is_revocable=True)
        out: QueuedExport[list[Any]] = QueuedExport(
            lambda batch: encode(batch, lambda: _give_way(worker)), sender, ledger, in_flight
        )
        worker = self._worker(signal, out, _nothing, ledger, in_flight)
        return worker

    def _exporting_worker(
        self, signal: Signal, name: str, exporter: SpanExporter | LogRecordExporter, problem: Problem | None
    ) -> BatchWorker[Any]:
        successes = (SpanExportResult.SUCCESS, LogRecordExportResult.SUCCESS)
        ledger = self._new_ledger(signal, name)
        out: DirectExport[list[Any]] = DirectExport(
            lambda batch: exporter.export(batch) in successes,
            ledger,
            self._self_metrics.on_export(signal),
            problem,
        )
        return self._worker(signal, out, exporter.shutdown, ledger, InFlight(is_revocable=False))

    def _worker(
        self, signal: Signal, out: Out, close: Callable[[], None], ledger: Ledger, in_flight: InFlight
    ) -> BatchWorker[Any]:
        outgoing, config = self._outgoing(ledger), self._config
        clean = outgoing.clean_spans if signal == "traces" else outgoing.clean_logs
        worker: BatchWorker[Any] = BatchWorker(
            lambda batch, records: out(clean(batch, lambda: _give_way(worker)), records),
            close,
            ledger,
            in_flight,
            max_records=config.queue_max_records,
            max_bytes=config.queue_max_bytes,
            weigh=weight_of_span if signal == "traces" else weight_of_log,
            interval_s=config.flush_interval_seconds,
        )
        return worker

    def _outgoing(self, ledger: Ledger) -> Outgoing:
        def on_truncated(signal: Signal, values: int) -> None:
            ledger.truncate(values)
            self._self_metrics.on_truncated(signal, values)

        return Outgoing(self._config, on_truncated)


def _give_way(worker: BatchWorker[Any]) -> None:
    if not worker.is_busy:
        COURTESY.look()


def _nothing() -> None:
    """Closes nothing: the transport is closed by its delivery, once for all signals."""
