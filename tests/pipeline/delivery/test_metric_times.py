# SPDX-License-Identifier: Apache-2.0
"""Points follow each other in time although the wall clock is set back."""

from __future__ import annotations

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from telemetry.pipeline.delivery.metric_times import ForwardTimes

HOUR_NS = 3_600_000_000_000
SECOND_NS = 1_000_000_000
CUMULATIVE, DELTA = AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA


class Clock:
    """Wall and monotonic clock of one machine."""

    def __init__(self, wall_ns: int) -> None:
        self.wall_ns = wall_ns
        self.monotonic_ns = 5

    def pass_by(self, nanoseconds: int) -> None:
        self.wall_ns += nanoseconds
        self.monotonic_ns += nanoseconds


class Collections:
    """A counter, a histogram and a gauge, collected under a clock."""

    def __init__(self, temporality, monkeypatch) -> None:
        self.temporality = temporality
        self.clock = Clock(1_000 * HOUR_NS)
        self.times = ForwardTimes(lambda: self.clock.wall_ns, lambda: self.clock.monotonic_ns)
        for module in (
            "_view_instrument_match",
            "metric_reader_storage",
            "measurement_consumer",
            "instrument",
        ):
            monkeypatch.setattr(
                f"opentelemetry.sdk.metrics._internal.{module}.time_ns",
                lambda: self.clock.wall_ns,
                raising=False,
            )
        self.reader = InMemoryMetricReader({Counter: temporality, Histogram: temporality})
        meter = MeterProvider([self.reader]).get_meter("test")
        self.counter = meter.create_counter("test.sum")
        self.histogram = meter.create_histogram("test.histogram")
        meter.create_observable_gauge("test.gauge", [lambda _options: [Observation(1)]])

    def collect(self) -> dict[str, tuple[int, int]]:
        """Each metric's (start, time)."""
        self.counter.add(1)
        self.histogram.record(1)
        data = self.times.forward(self.reader.get_metrics_data())
        return {
            metric.name: (point.start_time_unix_nano, point.time_unix_nano)
            for metric in data.resource_metrics[0].scope_metrics[0].metrics
            for point in metric.data.data_points
        }


@pytest.fixture(params=[CUMULATIVE, DELTA], ids=["cumulative", "delta"])
def collections(request, monkeypatch) -> Collections:
    return Collections(request.param, monkeypatch)


def test_times_are_left_alone_while_the_clock_goes_forward(collections):
    first = collections.collect()
    collections.clock.pass_by(60 * SECOND_NS)
    collections.clock.wall_ns += HOUR_NS  # set forward
    second = collections.collect()

    assert second["test.sum"][1] == collections.clock.wall_ns
    assert second["test.gauge"][1] - first["test.gauge"][1] == HOUR_NS + 60 * SECOND_NS


def test_times_go_on_by_the_monotonic_clock_when_the_clock_is_set_back(collections):
    first = collections.collect()
    collections.clock.wall_ns -= HOUR_NS
    collections.clock.pass_by(60 * SECOND_NS)
    second = collections.collect()
    collections.clock.pass_by(60 * SECOND_NS)
    third = collections.collect()

    for name in ("test.sum", "test.histogram", "test.gauge"):
        assert second[name][1] - first[name][1] == 60 * SECOND_NS
        assert third[name][1] - second[name][1] == 60 * SECOND_NS


def test_a_series_keeps_its_start_or_goes_on_where_it_ended(collections):
    first = collections.collect()
    collections.clock.wall_ns -= HOUR_NS
    collections.clock.pass_by(60 * SECOND_NS)
    second = collections.collect()

    for name in ("test.sum", "test.histogram"):
        expected = first[name][1] if collections.temporality is DELTA else first[name][0]
        assert second[name][0] == expected


def test_the_wall_clock_is_followed_again_when_it_has_caught_up(collections):
    collections.collect()
    collections.clock.wall_ns -= 90 * SECOND_NS
    collections.clock.pass_by(60 * SECOND_NS)
    collections.collect()
    collections.clock.pass_by(60 * SECOND_NS)
    collections.clock.wall_ns += 90 * SECOND_NS
    last = collections.collect()

    assert last["test.sum"][1] == collections.clock.wall_ns


def test_a_series_that_began_before_the_clock_was_set_back_is_not_older_than_its_start(collections):
    started = collections.clock.wall_ns
    collections.counter.add(1)
    collections.clock.pass_by(SECOND_NS)
    collections.clock.wall_ns -= HOUR_NS  # before the first collection
    first = collections.collect()
    collections.clock.pass_by(60 * SECOND_NS)
    second = collections.collect()

    assert first["test.sum"][1] == started + SECOND_NS
    assert second["test.sum"][1] == started + 61 * SECOND_NS
