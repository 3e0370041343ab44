# SPDX-License-Identifier: Apache-2.0
"""What happens to collected metrics on their way to an exporter: times, cleaning, books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.pipeline.delivery.metric_times import ForwardTimes, set_start_times

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricsData

    from telemetry.metrics.instruments import Counter
    from telemetry.pipeline.delivery.in_flight import InFlight
    from telemetry.pipeline.delivery.outcomes import Ledger

__all__ = ["MetricExport", "count_points"]


class MetricExport:
    """Takes what a reader collected, corrects its times and sends it on its way out.

    Args:
        out: Takes metrics and their number of points, and books what becomes of them; never raises.
        ledger: Learns how many points are on their way.
        counters: Our counters by name, for the start times of their series.
        clean: What must not leave the process is taken out here.
        in_flight: Where it notes what is being exported.
    """

    def __init__(
        self,
        out: Callable[[MetricsData, int], None],
        ledger: Ledger,
        counters: Callable[[], dict[str, Counter]],
        clean: Callable[[MetricsData], MetricsData],
        in_flight: InFlight,
    ) -> None:
        self._out = out
        self._ledger = ledger
        self._counters = counters
        self._clean = clean
        self._times = ForwardTimes()
        self._in_flight = in_flight
        self._latest_points = 1
        ledger.count_pending(lambda: in_flight.records)

    def __call__(self, data: MetricsData) -> None:
        """Exports; never raises."""
        previous = self._times.previous_ns
        data = self._times.forward(data)
        points = count_points(data)
        if points and self._in_flight.begin(points):
            self._latest_points = points
            set_start_times(data, self._counters(), previous)
            self._out(self._clean(data), points)
            self._in_flight.end()
        self._ledger.notices.tell()

    def give_up(self) -> None:
        """Books a collection for which the time to shut down was too short.

        How many points an unfinished one would have had nobody knows: as many as the latest, at least one.
        """
        with self._in_flight as in_flight:
            is_collected = in_flight.records > 0
            points = in_flight.give_up()
        self._ledger.drop("shutdown_timeout", points if is_collected else self._latest_points)


def count_points(data: MetricsData) -> int:
    """Returns the number of data points."""
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
