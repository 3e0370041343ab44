# SPDX-License-Identifier: Apache-2.0
"""Start times of what leaves: no later than the first increment, no gap and no overlap."""

from __future__ import annotations

import time

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, MetricsData
from support import fake_exporters

import telemetry
from telemetry.pipeline.delivery.in_flight import InFlight
from telemetry.pipeline.delivery.metric_export import MetricExport, count_points
from telemetry.pipeline.delivery.outcomes import ExporterStatus, Ledger

CUMULATIVE, DELTA = AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA


@pytest.fixture(params=[CUMULATIVE, DELTA], ids=["cumulative", "delta"])
def temporality(request) -> AggregationTemporality:
    return request.param


@pytest.fixture
def fake(monkeypatch, temporality) -> fake_exporters.Behaviour:
    return fake_exporters.install(monkeypatch, temporality)


@pytest.fixture
def pipeline(fake):
    with telemetry.init("tests", exporter="memory", metric_interval_seconds=3600) as running:
        yield running


def test_a_series_starts_before_its_first_increment_and_ends_after_it(fake, pipeline):
    cell = telemetry.counter("test.start").bind({"a": 1})
    before = time.time_ns()
    cell.inc()
    after = time.time_ns()
    pipeline.force_flush(5)

    (point,) = fake.points("test.start")
    assert point.start_time_unix_nano <= before
    assert after <= point.time_unix_nano


def test_a_late_series_does_not_start_with_the_pipeline(fake, pipeline, temporality):
    name = f"test.late.{temporality.name.lower()}"  # the user's cells outlive a pipeline
    pipeline.force_flush(5)
    bound = time.time_ns()
    telemetry.counter(name).bind({}).inc()
    pipeline.force_flush(5)

    (point,) = fake.points(name)
    assert bound <= point.start_time_unix_nano <= point.time_unix_nano


def test_an_early_series_starts_with_the_pipeline(fake):
    cell = telemetry.counter("test.earlier").bind({})
    bound = time.time_ns()
    with telemetry.init("tests", exporter="memory"):
        cell.inc()

    (point,) = fake.points("test.earlier")
    assert bound <= point.start_time_unix_nano <= point.time_unix_nano


def test_the_points_of_a_series_follow_each_other(fake, pipeline, temporality):
    cell = telemetry.counter("test.steps").bind({})
    for step in (1, 2, 3):
        cell.add(step)
        pipeline.force_flush(5)

    points = fake.points("test.steps")
    if temporality is DELTA:
        assert [point.value for point in points] == [1, 2, 3]
        assert points[1].start_time_unix_nano == points[0].time_unix_nano
        assert points[2].start_time_unix_nano == points[1].time_unix_nano
    else:
        assert [point.value for point in points] == [1, 3, 6]
        assert len({point.start_time_unix_nano for point in points}) == 1
    assert all(point.start_time_unix_nano < point.time_unix_nano for point in points)


def test_the_error_counters_start_before_their_first_error(fake, pipeline):
    before = time.time_ns()
    telemetry.record_error(TimeoutError())
    telemetry.record_recovery("timeout")
    after = time.time_ns()
    pipeline.force_flush(5)

    for name in ("kairos.errors.total", "kairos.errors.recovered"):
        (point,) = fake.points(name)
        assert before <= point.start_time_unix_nano <= after <= point.time_unix_nano


def test_the_overflow_series_has_a_start_too(fake, temporality):
    name = f"test.overflowing.{temporality.name.lower()}"
    with telemetry.init("tests", exporter="memory", cardinality_limit=1):
        before = time.time_ns()
        for number in range(3):
            telemetry.counter(name).bind({"n": number}).inc()

    points = fake.points(name)
    assert sorted(point.value for point in points) == [1, 2]
    assert all(before <= point.start_time_unix_nano <= point.time_unix_nano for point in points)


def test_what_others_count_is_left_as_it_is(fake, pipeline):
    from opentelemetry import metrics

    counter = metrics.get_meter("library").create_counter("library.calls")
    counter.add(2)
    pipeline.force_flush(5)

    assert [point.value for point in fake.points("library.calls")] == [2]


def test_a_failed_export_does_not_change_where_a_cumulative_series_starts(fake, pipeline, temporality):
    cell = telemetry.counter("test.failing").bind({})
    cell.inc()
    pipeline.force_flush(5)
    fake.is_failing = True
    cell.inc()
    pipeline.force_flush(5)
    fake.is_failing = False
    cell.inc()
    pipeline.force_flush(5)

    first, last = fake.points("test.failing")
    if temporality is CUMULATIVE:
        assert last.value == 3
        assert last.start_time_unix_nano == first.start_time_unix_nano
    else:
        assert last.value == 1
        assert last.start_time_unix_nano > first.time_unix_nano


def test_a_blocked_callback_costs_only_its_own_instrument(fake, pipeline):
    def broken(_options):
        raise RuntimeError("callback")

    pipeline.meter.create_observable_gauge("test.broken", [broken])
    telemetry.counter("test.works").bind({}).inc()
    pipeline.force_flush(5)

    assert [point.value for point in fake.points("test.works")] == [1]


def test_a_collection_of_nothing_is_not_exported():
    ledger = Ledger("metrics", "test", lambda _reason, _count: None)
    exported: list[MetricsData] = []
    in_flight = InFlight(is_revocable=True)
    MetricExport(lambda data, _points: exported.append(data), ledger, dict, lambda data: data, in_flight)(
        MetricsData([])
    )

    assert exported == []


def test_points_are_pending_while_they_are_exported(pipeline):
    seen: list[int] = []
    data = pipeline.providers.meter_provider  # a real collection, through the pipeline's own reader
    ledger = Ledger("metrics", "test", lambda _reason, _count: None)
    export = MetricExport(
        lambda _data, _points: seen.append(ledger.status().pending),
        ledger,
        dict,
        lambda d: d,
        InFlight(is_revocable=True),
    )
    telemetry.counter("test.pending").bind({}).inc()
    reader = InMemoryMetricReader()
    data.add_metric_reader(reader)
    collected = reader.get_metrics_data()
    export(collected)

    assert seen == [count_points(collected)]
    assert ledger.status().pending == 0


@pytest.fixture
def collected() -> MetricsData:
    """A collection of three points."""
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader], shutdown_on_exit=False).get_meter("test").create_counter("c")
    for number in range(3):
        counter.add(1, {"number": number})
    data = reader.get_metrics_data()
    assert data is not None
    return data


def given_up(is_revocable: bool, data: MetricsData, when: str) -> ExporterStatus:
    """The books after the time to shut down was over before, while or after a collection was exported."""
    ledger = Ledger("metrics", "test", lambda _reason, _count: None)

    def out(_data: MetricsData, _points: int) -> None:
        if when == "while":
            export.give_up()

    export = MetricExport(out, ledger, dict, lambda each: each, InFlight(is_revocable=is_revocable))
    if when == "after":
        export(data)
    if when != "while":
        export.give_up()
    export(data)
    return ledger.status()


@pytest.mark.parametrize("is_revocable", [False, True])
@pytest.mark.parametrize(("when", "points"), [("before", 1), ("after", 3)])
def test_a_collection_that_was_not_finished_is_dropped(collected, is_revocable, when, points):
    status = given_up(is_revocable, collected, when)
    assert (dict(status.dropped), status.pending) == ({"shutdown_timeout": points}, 0)


def test_a_collection_that_was_being_encoded_is_dropped(collected):
    assert dict(given_up(True, collected, "while").dropped) == {"shutdown_timeout": 3}


def test_what_an_exporter_has_is_not_dropped(collected):
    assert dict(given_up(False, collected, "while").dropped) == {}
