# SPDX-License-Identifier: Apache-2.0
"""Collects metrics at an interval and hands them to one way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricReader

from telemetry.metrics.courtesy import COURTESY
from telemetry.pipeline.process.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricsData
    from opentelemetry.sdk.metrics.view import Aggregation

    from telemetry.pipeline.process.threads import Latch

__all__ = ["IntervalReader"]


class IntervalReader(MetricReader):
    """A periodic reader that can be waited for with a true deadline and does not survive a fork.

    The SDK's own one restarts itself in a forked child, where it would send the parent's sums again,
    and blocks in `force_flush` for as long as its exporter does.

    Args:
        deliver: Takes what was collected; never raises.
        close: Cuts a running delivery short.
        abandon: Books what the last collection did not come to.
        name: Name of the exporter, for the thread.
        temporality: Of each kind of instrument, as the exporter prefers it; None: cumulative.
        aggregation: Likewise; None: the SDK's.
        interval_s: Seconds between two collections.
        timeout_s: Limit for one collection.
    """

    def __init__(
        self,
        deliver: Callable[[MetricsData], None],
        close: Callable[[], None],
        abandon: Callable[[], None],
        name: str,
        temporality: dict[type, AggregationTemporality] | None,
        aggregation: dict[type, Aggregation] | None,
        *,
        interval_s: float,
        timeout_s: float,
    ) -> None:
        super().__init__(temporality, aggregation)
        self._deliver = deliver
        self.close = close
        self._abandon = abandon
        self._name = name
        self._interval_s = interval_s
        self._timeout_millis = timeout_s * 1000
        self._ticker: Ticker | None = None
        self._is_last = False
        self._is_over = False

    def start(self) -> None:
        """Starts collecting; call it once, when the reader is registered with its provider."""
        self._ticker = Ticker(f"kairos-metrics-{self._name}", self._interval_s, self._collect_once)
        self._ticker.start()

    def begin_flush(self) -> Latch:
        """Begins to collect and export; the latch is set when that is done."""
        return self._started.begin_flush()

    def stop(self) -> None:
        """Begins the last collection."""
        self._is_last = True
        self._started.stop()

    def join(self, deadline: float) -> bool:
        """Waits for the last export and returns whether it ended by `deadline` (`time.monotonic()`)."""
        return self._started.join(deadline)

    def give_up(self) -> None:
        """Books the last collection as dropped, unless it is done."""
        if not self._is_over:
            self._abandon()

    @property
    def _started(self) -> Ticker:
        assert self._ticker is not None  # noqa: S101 - start() comes first; tells the type checker
        return self._ticker

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collects and exports, for whoever flushes the global meter provider; False when too late."""
        return self.begin_flush().wait(timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Does nothing: the pipeline stops its readers itself, within its own deadline."""

    def _collect_once(self) -> None:
        is_last = self._is_last
        if is_last:
            COURTESY.waive()
        self.collect(timeout_millis=self._timeout_millis)
        self._is_over = is_last

    def _receive_metrics(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002 - the SDK's signature
        **kwargs: Any,  # noqa: ARG002 - the SDK's signature
    ) -> None:
        self._deliver(metrics_data)
