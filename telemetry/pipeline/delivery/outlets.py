# SPDX-License-Identifier: Apache-2.0
"""Everything between the providers and the receivers: queues, readers, senders, exporters and their books."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from telemetry.exporters import registry
from telemetry.pipeline.delivery.closing import call_all
from telemetry.pipeline.delivery.interval_reader import IntervalReader
from telemetry.pipeline.delivery.otlp import Delivery
from telemetry.pipeline.delivery.outcomes import SIGNALS, FlushResult, Ledger
from telemetry.pipeline.delivery.wiring import Wiring
from telemetry.pipeline.process.ticker import flush_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.config import Settings
    from telemetry.exporters.base import Exporters
    from telemetry.exporters.sdk_logs import ReadableLogRecord
    from telemetry.metrics.instruments import Counter
    from telemetry.pipeline.delivery.batch import BatchWorker
    from telemetry.pipeline.delivery.outcomes import ExporterStatus, Signal
    from telemetry.pipeline.delivery.sender import Sender
    from telemetry.pipeline.process.fork_safe import ForkSafe
    from telemetry.pipeline.self_metrics import SelfMetrics

__all__ = ["Outlets"]

_GRACE_SECONDS = 0.05
"""For threads whose export was cut short to book it; part of the 100 ms that a deadline may be late."""


class Outlets:
    """The ways out of one pipeline.

    Args:
        config: The settings.
        self_metrics: Where drops and durations are recorded.
        counters: Our counters by name, for the start times of their series.

    Attributes:
        exporters: The exporters by name.
        metric_readers: What the meter provider collects for.
        span_workers: What finished spans are put into.
        log_workers: What emitted log records are put into.

    Raises:
        TelemetryError: An exporter could not be set up; those that were are shut down again.
    """

    def __init__(
        self, config: Settings, self_metrics: SelfMetrics, counters: Callable[[], dict[str, Counter]]
    ) -> None:
        self._self_metrics = self_metrics
        self._ledgers: dict[Signal, list[Ledger]] = {signal: [] for signal in SIGNALS}
        self.exporters = _build_all(config)
        self._deliveries = {
            name: Delivery(name, built.otlp, config)
            for name, built in self.exporters.items()
            if built.otlp is not None
        }
        wiring = Wiring(config, self.exporters, self._deliveries, self._new_ledger, self_metrics)
        self.metric_readers = wiring.readers(counters)
        self.span_workers: list[BatchWorker[ReadableSpan]] = wiring.workers("traces")
        self.log_workers: list[BatchWorker[ReadableLogRecord]] = wiring.workers("logs")
        if config.spool_dir is not None and self._deliveries:
            self_metrics.spooled_bytes = self._spooled_bytes

    def start(self) -> None:
        """Starts collecting; call it when the readers are registered with their provider."""
        for reader in self._interval_readers:
            reader.start()

    def flush(self, deadline: float) -> bool:
        """Exports what was recorded; returns whether that was done by `deadline` (`time.monotonic()`)."""
        are_handed_over = flush_all(self._sources, deadline)
        return flush_all(self._senders, deadline) and are_handed_over

    def shutdown(self, deadline: float, close_providers: list[Callable[[], None]]) -> None:
        """Exports what is left until `deadline`, then ends threads, exporters and providers."""
        allowed_s = max(0.0, deadline - monotonic())
        sources = self._sources
        for source in sources:
            source.stop()
        for source in sources:
            source.join(deadline)
        for sender in self._senders:
            sender.stop(deadline, allowed_s)
        for sender in self._senders:
            sender.join(deadline)
        # Closing an exporter ends its export: a moment later the books say how that ended.
        grace = max(deadline, monotonic()) + _GRACE_SECONDS
        deliveries = self._deliveries.values()
        call_all(
            [
                *(source.close for source in sources),
                *(reader.shutdown for reader in self.metric_readers if reader not in sources),
                *(delivery.cut for delivery in deliveries),
            ],
            grace,
        )
        for thread in [*sources, *self._senders]:
            thread.join(grace)
        for source in sources:
            source.give_up()
        for delivery in deliveries:
            delivery.give_up()
        call_all(close_providers, grace)
        for ledger in self._all_ledgers:
            ledger.notices.tell(is_last=True)

    @property
    def fork_safe(self) -> list[ForkSafe]:
        """What has to be paused around a fork."""
        return [transport for delivery in self._deliveries.values() for transport in delivery.transports]

    def abandon_in_child(self) -> None:
        """Lets go, in a forked child, of what belongs to the parent."""
        for delivery in self._deliveries.values():
            delivery.abandon_in_child()

    def result(self) -> FlushResult:
        """Returns what became of the records so far."""
        return FlushResult(**{signal: Ledger.total(ledgers) for signal, ledgers in self._ledgers.items()})

    def status(self) -> list[ExporterStatus]:
        """Returns the books per signal and exporter."""
        return [ledger.status() for ledger in self._all_ledgers]

    # -- all of a kind ---------------------------------------------------------------------

    @property
    def _sources(self) -> list[BatchWorker[Any] | IntervalReader]:
        return [*self._workers, *self._interval_readers]

    @property
    def _workers(self) -> list[BatchWorker[Any]]:
        return [*self.span_workers, *self.log_workers]

    @property
    def _interval_readers(self) -> list[IntervalReader]:
        return [reader for reader in self.metric_readers if isinstance(reader, IntervalReader)]

    @property
    def _senders(self) -> list[Sender]:
        return [sender for delivery in self._deliveries.values() for sender in delivery.senders]

    @property
    def _all_ledgers(self) -> list[Ledger]:
        return [ledger for ledgers in self._ledgers.values() for ledger in ledgers]

    def _spooled_bytes(self) -> int:
        return sum(delivery.spooled_bytes() for delivery in self._deliveries.values())

    def _new_ledger(self, signal: Signal, name: str) -> Ledger:
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
