# SPDX-License-Identifier: Apache-2.0
"""The times of points: counters start when their cells did, and no point is older than the one before it."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricsData, Sum

from telemetry.conventions import SCOPE_NAME
from telemetry.metrics.courtesy import COURTESY

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import Metric

    from telemetry.metrics.instruments import Counter

__all__ = ["ForwardTimes", "set_start_times"]


class ForwardTimes:
    """Keeps the times of collections in order when the wall clock is set back.

    A point that is older than the one before it, or than the start of its series, looks like a restart to
    a receiver, which then counts the whole sum once more. Until the wall clock has caught up, times go on
    from the last collection by the monotonic clock.

    Args:
        wall_ns: The wall clock.
        monotonic_ns: The monotonic clock.

    Attributes:
        previous_ns: When the latest collection was over, as it is told to receivers; 0 before the first one.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time_ns, monotonic_ns: Callable[[], int] = monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        # A series may have begun before the first collection, and the clock been set back in between.
        self._latest_ns = wall_ns()
        self._measured_at = monotonic_ns()
        self.previous_ns = 0

    def forward(self, data: MetricsData) -> MetricsData:
        """Returns what was collected just now, with times after those of the previous collection."""
        wall, measured = self._wall_ns(), self._monotonic_ns()
        previous = self.previous_ns
        expected = self._latest_ns + measured - self._measured_at
        self._measured_at = measured
        if wall > self._latest_ns:
            self._latest_ns = self.previous_ns = wall
            return data
        self._latest_ns = self.previous_ns = expected
        return _later(data, expected - wall, previous)


def set_start_times(data: MetricsData, counters: dict[str, Counter], previous_ns: int) -> None:
    """Lets the series of our counters start when their cells did.

    The SDK takes the first collection of an asynchronous series for its start, so that everything
    counted until then would have happened in no time at all.

    Args:
        data: What was collected; nobody else has its points, so they are changed in place.
        counters: Our counters by name.
        previous_ns: When (Unix nanoseconds) the previous collection was over; 0 at the first one.
    """
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            if scope.scope.name == SCOPE_NAME:
                for metric in scope.metrics:
                    _set_starts(metric, counters.get(metric.name), previous_ns)


def _later(data: MetricsData, by_ns: int, previous_ns: int) -> MetricsData:
    """Moves a collection's points; a delta begins where the previous collection ended."""
    return replace(
        data,
        resource_metrics=[
            replace(
                resource,
                scope_metrics=[
                    replace(scope, metrics=[_moved(metric, by_ns, previous_ns) for metric in scope.metrics])
                    for scope in resource.scope_metrics
                ],
            )
            for resource in data.resource_metrics
        ],
    )


def _moved(metric: Metric, by_ns: int, previous_ns: int) -> Metric:
    data: Any = metric.data
    is_delta = getattr(data, "aggregation_temporality", None) is AggregationTemporality.DELTA
    points = []
    for point in data.data_points:
        start = previous_ns if is_delta and previous_ns else point.start_time_unix_nano
        points.append(replace(point, start_time_unix_nano=start, time_unix_nano=point.time_unix_nano + by_ns))
    return replace(metric, data=replace(data, data_points=points))


def _set_starts(metric: Metric, counter: Counter | None, previous_ns: int) -> None:
    if counter is None or not isinstance(metric.data, Sum):
        return
    is_delta = metric.data.aggregation_temporality is AggregationTemporality.DELTA
    kept_until = previous_ns if is_delta else 0
    for point in COURTESY.over(metric.data.data_points):
        given: int | None = point.start_time_unix_nano  # typed int, but nothing holds an instrument to it
        # A delta that is not the first of its series starts where the previous one ended: in the previous
        # collection. The SDK lets the first one start in the very collection that it comes from.
        if given is None or given > kept_until:
            labels: Any = point.attributes  # those of a cell, or the SDK's own one for too many series
            start = counter.start_of(labels) or given or point.time_unix_nano
            # A copy of a frozen object costs twelve times as much, and there may be many thousand points.
            object.__setattr__(point, "start_time_unix_nano", min(start, point.time_unix_nano))
