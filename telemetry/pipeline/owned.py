# SPDX-License-Identifier: Apache-2.0
"""Providers of our own, with the exporters that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanLimits

from telemetry.exporters.sdk_logs import LogRecordLimits
from telemetry.pipeline.delivery.outlets import Outlets
from telemetry.pipeline.guarded.logs import GuardedLoggerProvider
from telemetry.pipeline.guarded.metrics import GuardedMeterProvider
from telemetry.pipeline.guarded.traces import GuardedTracerProvider
from telemetry.pipeline.processors import QueueLogs, QueueSpans
from telemetry.pipeline.resource import resource_of
from telemetry.pipeline.sampling import ParentOrRatio
from telemetry.pipeline.views import views

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.config import Settings
    from telemetry.exporters.base import Exporters
    from telemetry.metrics.instruments import Counter
    from telemetry.metrics.limits import Limits
    from telemetry.pipeline.delivery.outcomes import ExporterStatus, FlushResult
    from telemetry.pipeline.process.fork_safe import ForkSafe
    from telemetry.pipeline.self_metrics import SelfMetrics
    from telemetry.pipeline.span_reader import SpanReader
    from telemetry.pipeline.trouble import Trouble

__all__ = ["OwnedProviders"]


class OwnedProviders:
    """Meter, tracer and logger provider, and the ways out behind them.

    Args:
        config: The settings.
        self_metrics: Where drops and durations are recorded.
        counters: Our counters by name, for the start times of their series.
        limits: Of attributes of series; counts what is refused.
        trouble: Takes what could not be recorded.
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
        limits: Limits,
        trouble: Trouble,
        *,
        is_child: bool = False,
    ) -> None:
        outlets = self._outlets = Outlets(config, self_metrics, counters)
        resource = resource_of(config, is_child=is_child)
        # One character too many shows that a value was longer: it is cut, and counted, on its way out.
        visibly_cut = config.attribute_value_limit + 1
        self.meter_provider = GuardedMeterProvider(
            limits,
            trouble,
            metric_readers=outlets.metric_readers,
            resource=resource,
            shutdown_on_exit=False,
            views=views(config.cardinality_limit),
        )
        self._spans = QueueSpans(outlets.span_workers, outlets.flush, keep_errors=config.traces_keep_errors)
        self.tracer_provider = GuardedTracerProvider(
            trouble,
            sampler=ParentOrRatio(config.traces_sampler_ratio, keep_errors=config.traces_keep_errors),
            resource=resource,
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_attribute_length=visibly_cut, max_span_attribute_length=visibly_cut),
            active_span_processor=self._spans,
            meter_provider=self.meter_provider,
        )
        self.logger_provider = GuardedLoggerProvider(
            trouble,
            resource=resource,
            shutdown_on_exit=False,
            meter_provider=self.meter_provider,
            log_record_limits=LogRecordLimits(max_attribute_length=visibly_cut),
        )
        self.logger_provider.add_log_record_processor(QueueLogs(outlets.log_workers, outlets.flush, resource))
        outlets.start()

    @property
    def exporters(self) -> Mapping[str, Exporters]:
        """The exporters by name."""
        return self._outlets.exporters

    @property
    def exports_logs(self) -> bool:
        """Whether any exporter takes log records."""
        return bool(self._outlets.log_workers)

    def let_read(self, reader: SpanReader) -> None:
        """Lets a reader see every span from now on."""
        self._spans.reader = reader

    def flush(self, deadline: float) -> FlushResult:
        """Exports everything recorded so far, until `deadline` (`time.monotonic()` seconds)."""
        self._outlets.flush(deadline)
        return self.result()

    def shutdown(self, deadline: float) -> FlushResult:
        """Exports what is left until `deadline`, then ends threads and exporters."""
        providers = (self.meter_provider, self.tracer_provider, self.logger_provider)
        self._outlets.shutdown(deadline, [provider.shutdown for provider in providers])
        return self.result()

    @property
    def fork_safe(self) -> list[ForkSafe]:
        """What has to be paused around a fork."""
        return self._outlets.fork_safe

    def abandon_in_child(self) -> None:
        """Lets go, in a forked child, of what belongs to the parent."""
        self._outlets.abandon_in_child()

    def result(self) -> FlushResult:
        """Returns what became of the records so far."""
        return self._outlets.result()

    def status(self) -> list[ExporterStatus]:
        """Returns the books per signal and exporter."""
        return self._outlets.status()
