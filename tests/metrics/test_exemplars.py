# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import telemetry
from telemetry import observe
from telemetry.metrics.cells import EXEMPLAR_LOOKS
from telemetry.metrics.error_counts import ErrorCounts
from telemetry.metrics.limits import Limits
from telemetry.metrics.publication import Publication
from telemetry.pipeline.views import views
from telemetry.testing import isolated


def exemplars(reader: InMemoryMetricReader) -> list:
    data = reader.get_metrics_data()
    return [
        exemplar
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "kairos.errors.total"
        for point in metric.data.data_points
        for exemplar in point.exemplars
    ]


def test_an_exemplar_is_one_error_in_its_span(kairos):
    before = time.time_ns()
    with observe(name="work") as span:
        telemetry.record_error(TimeoutError())
    after = time.time_ns()

    (exemplar,) = exemplars(kairos._metrics)
    context = span.get_span_context()
    assert (exemplar.trace_id, exemplar.span_id) == (context.trace_id, context.span_id)
    assert exemplar.value == 1
    assert before <= exemplar.time_unix_nano <= after
    assert not exemplar.filtered_attributes


def test_an_exemplar_of_a_failed_block_is_the_blocks_span(kairos):
    with observe(name="outer"):
        try:
            with observe(name="inner"):
                raise TimeoutError
        except TimeoutError:
            pass

    (exemplar,) = exemplars(kairos._metrics)
    assert exemplar.span_id == kairos.span("inner").context.span_id


def test_an_exemplar_of_an_error_on_a_given_span_is_that_span(kairos):
    with observe(name="outer") as outer, observe(name="inner"):
        for _ in range(2):
            telemetry.record_error(TimeoutError(), span=outer)

    (exemplar,) = exemplars(kairos._metrics)
    assert exemplar.span_id == outer.get_span_context().span_id


def test_an_exemplar_is_published_once(kairos):
    with observe(name="work"):
        telemetry.record_error(TimeoutError())

    assert [len(exemplars(kairos._metrics)) for _ in range(3)] == [1, 0, 0]


def test_a_new_exemplar_follows_a_published_one(kairos):
    spans = []
    for _ in range(3):
        with observe(name="work") as span:
            telemetry.record_error_metric(TimeoutError(), "llm")
        spans.append(span.get_span_context().span_id)
        assert [exemplar.span_id for exemplar in exemplars(kairos._metrics)] == spans[-1:]


def test_every_reader_gets_each_exemplar_once(kairos):
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    provider = MeterProvider(readers, shutdown_on_exit=False, views=views(10))
    counts = ErrorCounts(Limits())
    counts.publish(Publication(provider.get_meter("kairos.telemetry"), exemplars=True))
    with observe(name="work"):
        counts.series(("timeout", "llm", True)).record()

    assert [len(exemplars(reader)) for reader in readers * 2] == [1, 1, 0, 0]
    provider.shutdown()


def test_without_a_span_there_is_no_exemplar(kairos):
    telemetry.record_error(TimeoutError())

    assert exemplars(kairos._metrics) == []


@pytest.mark.kairos(traces_sampler_ratio=0)
def test_an_unsampled_span_gives_no_exemplar(kairos):
    with observe(name="work"):
        telemetry.record_error(TimeoutError())

    assert exemplars(kairos._metrics) == []


def test_where_our_reservoir_is_missing_there_is_no_exemplar(kairos):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counts = ErrorCounts(Limits())
    counts.publish(Publication(provider.get_meter("kairos.telemetry"), exemplars=False))
    with observe(name="work"):
        counts.series(("timeout", "llm", True)).record()

    assert exemplars(reader) == []
    provider.shutdown()


def test_opentelemetrys_filter_turns_exemplars_off(monkeypatch):
    monkeypatch.setenv("OTEL_METRICS_EXEMPLAR_FILTER", "always_off")
    with isolated() as probe:
        with observe(name="work"):
            telemetry.record_error(TimeoutError())
        assert exemplars(probe._metrics) == []
        probe.assert_error(count=1)


def test_looking_in_vain_ends_until_the_next_collection(kairos):
    for _ in range(EXEMPLAR_LOOKS):
        telemetry.record_error_metric(TimeoutError(), "llm")
    (cell,) = kairos.telemetry._counts.total.cells()
    assert cell.exemplar_looks == 0

    kairos.metrics()

    assert cell.exemplar_looks == EXEMPLAR_LOOKS
