# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import math

import pytest

import telemetry
from telemetry.metrics.instruments import Counter, Gauge
from telemetry.metrics.limits import Limits


@pytest.fixture
def limits() -> Limits:
    return Limits(series=3, attribute_bytes=8)


@pytest.fixture
def counter(limits) -> Counter:
    return Counter("test.counter", "", "", limits)


def test_the_same_attributes_give_the_same_cell_in_any_order(counter):
    assert counter.bind({"a": 1, "b": 2}) is counter.bind({"b": 2, "a": 1})


def test_no_attributes_are_a_series_of_their_own(counter):
    assert counter.bind() is counter.bind(None) is counter.bind({})


def test_true_one_and_one_point_zero_are_three_series(counter):
    assert len({id(counter.bind({"key": value})) for value in (True, 1, 1.0)}) == 3


def test_past_the_limit_all_series_share_the_overflow_series(counter):
    kept = [counter.bind({"key": n}) for n in range(3)]
    overflow = counter.bind({"key": 3})

    assert overflow is counter.bind({"key": 4})
    assert overflow.attributes == {"otel.metric.overflow": True}
    assert counter.bind({"key": 0}) is kept[0]
    assert counter.cells() == [*kept, overflow]


def test_the_limit_is_logged_once_per_instrument(counter, limits, caplog):
    gauge = Gauge("test.gauge", "", "", limits)
    for n in range(9):
        counter.bind({"key": n})
        gauge.bind({"key": n})

    assert [record.getMessage() for record in caplog.records] == [
        f"{name} has 3 series, the cardinality_limit: further ones are counted together under "
        "otel.metric.overflow. Look for an attribute with unbounded values."
        for name in ("test.counter", "test.gauge")
    ]


def test_a_logging_handler_may_bind_on_the_instrument_that_logs(counter):
    class CountsLines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            counter.bind({"line": record.levelname}).inc()

    handler = CountsLines()
    logging.getLogger("telemetry").addHandler(handler)
    try:
        for n in range(5):
            counter.bind({"key": n})
    finally:
        logging.getLogger("telemetry").removeHandler(handler)

    assert counter.cells()[-1].published() == 1


def test_binding_while_binding_gives_one_cell(limits):
    class Reentrant(Counter):
        """A signal handler that binds the same series while its first cell is being made."""

        inner = None

        def _new_cell(self, labels):
            if self.inner is None:
                self.inner = False
                self.inner = self.bind(labels)
            return super()._new_cell(labels)

    counter = Reentrant("test.counter", "", "", limits)
    outer = counter.bind({"a": 1})

    assert outer is counter.inner is counter.bind({"a": 1})


def test_attribute_values_are_cut_at_the_limit(counter):
    assert counter.bind({"key": "x" * 20}).attributes == {"key": "x" * 8}


def test_refused_numbers_are_counted_and_logged_once(counter, limits, caplog):
    cell = counter.bind()
    cell.add(-1)
    cell.add(math.nan)
    cell.add("one")

    assert limits.refused == 3
    assert [record.getMessage() for record in caplog.records] == [
        "test.counter was given int, not a finite number that fits; such values are left out and counted in "
        "kairos.telemetry.dropped (reported once)."
    ]


def test_a_point_of_an_unknown_series_has_no_start(counter):
    counter.bind({"key": 1})

    assert counter.start_of({"key": 2}) is None


def test_the_overflow_point_has_the_start_of_the_overflow_series(counter):
    for n in range(4):
        counter.bind({"key": n})

    assert counter.start_of({"otel.metric.overflow": True}) == counter.cells()[-1].start_unix_nano


# -- through a pipeline ------------------------------------------------------------------------


def test_a_counter_counts(kairos):
    cell = telemetry.counter("test.calls", "{call}", "Calls.").bind({"who": "me"})
    cell.inc()
    cell.add(2)

    (point,) = [point for point in kairos.metrics() if point.name == "test.calls"]
    assert (point.value, point.attributes, point.kind) == (3, {"who": "me"}, "sum")
    assert (point.unit, point.description) == ("{call}", "Calls.")


def test_a_gauge_shows_the_newest_value(kairos):
    cell = telemetry.gauge("test.level").bind({"who": "me"})
    cell.set(1)
    cell.set(0.5)

    assert kairos.value("test.level", who="me") == 0.5


def test_a_histogram_takes_its_buckets(kairos):
    cell = telemetry.histogram("test.duration", "s", buckets=(1, 10)).bind({"who": "me"})
    for seconds in (0.5, 5, 50):
        cell.record(seconds)

    data = kairos._metrics.get_metrics_data()
    (point,) = [
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "test.duration"
        for point in metric.data.data_points
    ]
    assert list(point.explicit_bounds) == [1, 10]
    assert list(point.bucket_counts) == [1, 1, 1]
    assert point.sum == 55.5


def test_a_bound_series_is_not_there_before_its_first_increment(kairos):
    cell = telemetry.counter("test.silent").bind({})
    assert "test.silent" not in {point.name for point in kairos.metrics()}

    cell.inc()

    assert kairos.value("test.silent") == 1


@pytest.mark.kairos(cardinality_limit=3)
@pytest.mark.parametrize("make", [telemetry.counter, telemetry.gauge, telemetry.histogram])
def test_overflow_reaches_the_exporter_as_one_series(kairos, make, caplog):
    instrument = make(f"test.overflow.{make.__name__}")
    for n in range(6):
        cell = instrument.bind({"n": n})
        getattr(cell, {"counter": "inc", "gauge": "set", "histogram": "record"}[make.__name__])(
            *(() if make is telemetry.counter else (1,))
        )

    points = [point for point in kairos.metrics() if point.name == instrument.name]
    assert len(points) == 4
    assert kairos.value(instrument.name, {"otel.metric.overflow": True}) == (
        1 if make is telemetry.gauge else 3
    )


@pytest.mark.kairos(attribute_value_limit=5)
def test_the_settings_limit_attributes_of_the_users_instruments(kairos):
    telemetry.counter("test.clipped").bind({"text": "ääää"}).inc()

    assert kairos.value("test.clipped", text="ää") == 1


def test_refused_numbers_are_counted_as_dropped(kairos):
    telemetry.counter("test.refusing").bind({}).add(-1)
    telemetry.histogram("test.refusing.histogram").bind({}).record(math.nan)

    assert kairos.value("kairos.telemetry.dropped", signal="metrics", reason="invalid_value") == 2


@pytest.mark.parametrize("huge", [2**63, 10**300])
def test_a_huge_number_does_not_block_the_export_of_others(kairos, huge):
    telemetry.counter("test.huge").bind({}).add(huge)
    telemetry.gauge("test.huge.gauge").bind({}).set(-huge)
    telemetry.histogram("test.huge.histogram").bind({}).record(huge)
    telemetry.counter("test.small").bind({}).inc()

    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    encoded = str(encode_metrics(kairos._metrics.get_metrics_data()))
    assert all(
        name in encoded for name in ("test.huge", "test.huge.gauge", "test.huge.histogram", "test.small")
    )


# -- across pipelines --------------------------------------------------------------------------


def test_an_instrument_made_before_init_counts_after_it():
    cells = (
        telemetry.counter("test.early").bind({}),
        telemetry.gauge("test.early.gauge").bind({}),
        telemetry.histogram("test.early.histogram").bind({}),
    )
    record(cells)  # goes nowhere
    from telemetry.testing import isolated

    for _ in range(2):
        with isolated() as probe:
            assert not probe.metrics() or {point.name for point in probe.metrics()} == {"kairos.errors.rate"}
            record(cells)
            assert probe.value("test.early") == 1
            assert probe.value("test.early.gauge") == 1
            assert probe.value("test.early.histogram") == 1
        record(cells)  # after shutdown: goes nowhere


def record(cells) -> None:
    counter, gauge, histogram = cells
    counter.inc()
    gauge.set(1)
    histogram.record(1)
