# SPDX-License-Identifier: Apache-2.0
"""What happens to collected metrics on their way to an exporter: start times, books, durations."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    Sum,
)

from telemetry.conventions import SCOPE_NAME
from telemetry.logs.otel_api import suppressed
from telemetry.metrics.courtesy import Courtesy

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import Metric, NumberDataPoint

    from telemetry.metrics.instruments import Counter
    from telemetry.pipeline.outcomes import Ledger

__all__ = ["BookedMetricExporter", "count_points", "with_start_times"]


class BookedMetricExporter(MetricExporter):
    """Exports through another exporter and books what became of the points.

    Args:
        inner: The exporter.
        ledger: The books.
        counters: Our counters by name, for the start times of their series.
        on_export: Told (seconds, whether it succeeded) of every export.
    """

    def __init__(
        self,
        inner: MetricExporter,
        ledger: Ledger,
        counters: Callable[[], dict[str, Counter]],
        on_export: Callable[[float, bool], None],
    ) -> None:
        # The exporter's choice of temporality and aggregation is only kept under these names; the
        # SDK's own periodic reader reads them there too.
        temporality, aggregation = inner._preferred_temporality, inner._preferred_aggregation  # noqa: SLF001 - see above
        super().__init__(temporality, aggregation)
        self._inner = inner
        self._ledger = ledger
        self._counters = counters
        self._on_export = on_export
        self._collected_by = 0
        self._in_flight = 0
        ledger.pending = lambda: self._in_flight

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Exports; never raises."""
        previous, self._collected_by = self._collected_by, time_ns()
        points = count_points(metrics_data)
        if not points:
            return MetricExportResult.SUCCESS
        self._in_flight = points
        started = perf_counter()
        problem: str | None = None
        try:
            with suppressed():
                result = self._inner.export(
                    with_start_times(metrics_data, self._counters(), previous),
                    timeout_millis=timeout_millis,
                    **kwargs,
                )
            if result is not MetricExportResult.SUCCESS:
                problem = "the exporter reported a failure"
        except Exception as error:  # noqa: BLE001 - an exporter's bug must not end the reader thread
            problem = f"{type(error).__name__}: {error}"
        self._on_export(perf_counter() - started, problem is None)
        self._in_flight = 0
        if problem is None:
            self._ledger.deliver(points)
            return MetricExportResult.SUCCESS
        self._ledger.drop("export_failed", points, problem)
        return MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flushes the inner exporter."""
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Shuts the inner exporter down."""
        self._inner.shutdown(timeout_millis, **kwargs)


def count_points(data: MetricsData) -> int:
    """Returns the number of data points."""
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def with_start_times(data: MetricsData, counters: dict[str, Counter], previous_ns: int) -> MetricsData:
    """Returns metrics whose counters start when their cells did.

    The SDK takes the first collection of an asynchronous series for its start, so that everything
    counted until then would have happened in no time at all.

    Args:
        data: What was collected.
        counters: Our counters by name.
        previous_ns: When (Unix nanoseconds) the previous collection was over; 0 at the first one.
    """
    return replace(
        data,
        resource_metrics=[
            replace(
                resource,
                scope_metrics=[
                    replace(
                        scope,
                        metrics=[
                            _corrected(metric, counters.get(metric.name), previous_ns)
                            for metric in scope.metrics
                        ],
                    )
                    if scope.scope.name == SCOPE_NAME
                    else scope
                    for scope in resource.scope_metrics
                ],
            )
            for resource in data.resource_metrics
        ],
    )


def _corrected(metric: Metric, counter: Counter | None, previous_ns: int) -> Metric:
    if counter is None or not isinstance(metric.data, Sum):
        return metric
    is_delta = metric.data.aggregation_temporality is AggregationTemporality.DELTA
    kept_until = previous_ns if is_delta else 0
    points = [_point(point, counter, kept_until) for point in Courtesy().over(metric.data.data_points)]
    return replace(metric, data=replace(metric.data, data_points=points))


def _point(point: NumberDataPoint, counter: Counter, kept_until: int) -> NumberDataPoint:
    # A delta that is not the first of its series starts where the previous one ended: in the previous
    # collection. The SDK lets the first one start in the very collection that it comes from.
    if point.start_time_unix_nano is not None and point.start_time_unix_nano <= kept_until:
        return point
    start = counter.start_of(point.attributes) or point.start_time_unix_nano or point.time_unix_nano
    return replace(point, start_time_unix_nano=min(start, point.time_unix_nano))
