# SPDX-License-Identifier: Apache-2.0
"""Measurements wait for the SDK, and none is lost, repeated or late for a collection."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import telemetry
from telemetry.metrics import histograms
from telemetry.metrics.limits import Limits
from telemetry.metrics.publication import Publication

if TYPE_CHECKING:
    import pytest


def points(kairos) -> list[tuple[float, int]]:
    return [(point.value, point.count) for point in kairos.metrics() if point.name == "test.wait"]


def test_what_is_recorded_before_a_collection_is_in_it(kairos):
    cell = telemetry.histogram("test.wait", "s").bind()
    cell.record(1.5)
    assert points(kairos) == [(1.5, 1)]
    cell.record(2)
    assert points(kairos) == [(3.5, 2)]


def test_threads_that_record_and_collect_at_once_lose_and_repeat_nothing(kairos):
    cell = telemetry.histogram("test.wait", "s").bind()
    threads = [Thread(target=lambda: [cell.record(1) for _ in range(2_000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        kairos.metrics()
    for thread in threads:
        thread.join()
    assert points(kairos) == [(8_000, 8_000)]


def test_where_the_meter_is_the_applications_more_than_may_wait_goes_on_at_once(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(histograms, "MOST_WAITING", 3)
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    histogram = histograms.Histogram("test.wait", "s", "", Limits(), None)
    histogram.publish(Publication(provider.get_meter("theirs"), exemplars=False))
    cell = histogram.bind()
    for _ in range(10):
        cell.record(1)
    assert len(histogram._waiting) == 3
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    assert metric.data.data_points[0].count == 10


def test_the_house_is_kept_from_the_first_measurement_on(kairos):
    housekeeper = kairos.telemetry._housekeeper
    cell = telemetry.histogram("test.wait", "s").bind()
    assert not housekeeper.is_started
    cell.record(1)
    assert housekeeper.is_started


def test_housekeeping_hands_over_between_collections(kairos):
    histogram = telemetry.histogram("test.wait", "s")
    histogram.bind().record(1)
    kairos.telemetry._keep_house()
    assert len(histogram._waiting) == 0
    assert points(kairos) == [(1, 1)]


def test_a_histogram_of_no_pipeline_keeps_nothing():
    histogram = telemetry.histogram("test.idle", "s")
    histogram.bind().record(1)
    histogram.hand_over()
    assert len(histogram._waiting) == 0


def test_an_exemplar_points_to_the_span_of_the_measurement(kairos):
    cell = telemetry.histogram("test.wait", "s").bind()
    with telemetry.observe(name="work") as span:
        cell.record(1)
        expected = span.get_span_context()
    (metric,) = (
        metric
        for resource in kairos.telemetry.exporters["memory"].metrics.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "test.wait"
    )
    (exemplar,) = metric.data.data_points[0].exemplars
    assert (exemplar.trace_id, exemplar.span_id) == (expected.trace_id, expected.span_id)
