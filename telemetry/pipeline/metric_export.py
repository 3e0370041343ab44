# SPDX-License-Identifier: Apache-2.0
"""What happens to collected metrics on their way to an exporter: start times, books, durations."""

from __future__ import annotations

from dataclasses import replace
from time import time_ns
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricsData, Sum

from telemetry.conventions import SCOPE_NAME
from telemetry.metrics.courtesy import Courtesy

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import Metric, NumberDataPoint

    from telemetry.metrics.instruments import Counter
    from telemetry.pipeline.outcomes import Ledger

__all__ = ["MetricExport", "count_points", "with_start_times"]


class MetricExport:
    """Takes what a reader collected, corrects its start times and sends it on its way out.

    Args:
        out: Takes metrics and their number of points, and books what becomes of them; never raises.
        ledger: Learns how many points are on their way.
        counters: Our counters by name, for the start times of their series.
        clean: What must not leave the process is taken out here.
    """

    def __init__(
        self,
        out: Callable[[MetricsData, int], None],
        ledger: Ledger,
        counters: Callable[[], dict[str, Counter]],
        clean: Callable[[MetricsData], MetricsData],
    ) -> None:
        self._out = out
        self._ledger = ledger
        self._counters = counters
        self._clean = clean
        self._collected_by = 0
        self._in_flight = 0
        ledger.count_pending(lambda: self._in_flight)

    def __call__(self, data: MetricsData) -> None:
        """Exports; never raises."""
        previous, self._collected_by = self._collected_by, time_ns()
        points = count_points(data)
        if points:
            self._in_flight = points
            self._out(self._clean(with_start_times(data, self._counters(), previous)), points)
            self._in_flight = 0
        self._ledger.notices.tell()


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
