# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

import pytest
from opentelemetry.metrics import Meter, NoOpMeterProvider, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from telemetry.pipeline.switchable.metrics import SwitchableMeterProvider


def sdk() -> tuple[MeterProvider, InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    return MeterProvider([reader], shutdown_on_exit=False), reader


def points(reader: InMemoryMetricReader) -> dict[str, object]:
    """Name to value (for a histogram: to its sum) of every metric's only point."""
    data = reader.get_metrics_data()
    return {
        metric.name: getattr(point, "value", None) if hasattr(point, "value") else point.sum
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


SYNCHRONOUS = {
    "create_counter": "add",
    "create_up_down_counter": "add",
    "create_histogram": "record",
    "create_gauge": "set",
}
OBSERVABLE = ("create_observable_counter", "create_observable_up_down_counter", "create_observable_gauge")


@pytest.mark.parametrize(("create", "record"), SYNCHRONOUS.items())
def test_a_synchronous_instrument_follows_every_switch(create, record):
    provider = SwitchableMeterProvider()
    instrument = getattr(provider.get_meter("library"), create)("made.early", "1", "text")
    (first, first_reader), (second, second_reader) = sdk(), sdk()

    getattr(instrument, record)(50, {"k": "v"})
    provider.switch(first)
    getattr(instrument, record)(1, {"k": "v"})
    provider.switch(second)
    getattr(instrument, record)(2, {"k": "v"})
    provider.switch(None)
    getattr(instrument, record)(50, {"k": "v"})

    assert points(first_reader) == {"made.early": 1}
    assert points(second_reader) == {"made.early": 2}


@pytest.mark.parametrize("create", OBSERVABLE)
def test_an_observable_instrument_observes_for_the_current_provider_only(create):
    provider = SwitchableMeterProvider()
    getattr(provider.get_meter("library"), create)("seen", [lambda options: [Observation(5)]], "1", "text")
    (first, first_reader), (second, second_reader) = sdk(), sdk()

    provider.switch(first)
    assert points(first_reader) == {"seen": 5}
    provider.switch(second)
    assert points(second_reader) == {"seen": 5}
    assert points(first_reader) == {}
    provider.switch(first)
    assert points(first_reader) == {"seen": 5}
    provider.switch(None)
    assert "seen" not in points(sdk()[1])


def test_an_observable_instrument_is_made_on_the_provider_that_is_current():
    provider = SwitchableMeterProvider()
    real, reader = sdk()
    provider.switch(real)

    provider.get_meter("library").create_observable_gauge("late", [lambda options: [Observation(1)]])

    assert points(reader) == {"late": 1}


def test_an_observable_instrument_without_callbacks_is_allowed():
    provider = SwitchableMeterProvider()
    real, reader = sdk()
    provider.switch(real)

    provider.get_meter("library").create_observable_counter("silent")

    assert points(reader) == {}


def test_a_generator_callback_survives_a_switch():
    def generator():
        options = yield
        value = 0
        while value < 3:
            assert options.timeout_millis > 0
            value += 1
            options = yield [Observation(value)]

    provider = SwitchableMeterProvider()
    provider.get_meter("library").create_observable_gauge("generated", [generator()])
    (first, first_reader), (second, second_reader) = sdk(), sdk()

    provider.switch(first)
    assert points(first_reader) == {"generated": 1}
    provider.switch(second)
    assert points(second_reader) == {"generated": 2}
    assert points(second_reader) == {"generated": 3}
    points(second_reader)  # the generator is exhausted: no observation, no error


def test_of_two_equal_observable_instruments_the_first_observes():
    provider = SwitchableMeterProvider()
    meter = provider.get_meter("library", attributes={"a": 1})
    first = meter.create_observable_gauge("twice", [lambda options: [Observation(1)]])
    second = provider.get_meter("library", attributes={"a": 1}).create_observable_gauge(
        "TWICE", [lambda options: [Observation(2)]]
    )
    real, reader = sdk()
    provider.switch(real)

    assert first is second
    assert points(reader) == {"twice": 1}


def test_scope_unit_description_and_buckets_arrive_unchanged():
    provider = SwitchableMeterProvider()
    real, reader = sdk()
    provider.switch(real)
    meter = provider.get_meter("library", "1.2", "https://schema", {"a": 1})

    meter.create_histogram("h", "s", "how long", explicit_bucket_boundaries_advisory=[1.0, 2.0]).record(1.5)

    data = reader.get_metrics_data()
    assert data is not None
    (scope_metrics,) = data.resource_metrics[0].scope_metrics
    scope, (metric,) = scope_metrics.scope, scope_metrics.metrics
    assert (scope.name, scope.version, scope.schema_url, dict(scope.attributes or {})) == (
        "library",
        "1.2",
        "https://schema",
        {"a": 1},
    )
    assert (metric.unit, metric.description) == ("s", "how long")
    assert tuple(metric.data.data_points[0].explicit_bounds) == (1.0, 2.0)
    assert (meter.name, meter.version, meter.schema_url) == ("library", "1.2", "https://schema")


def test_a_name_that_the_sdk_refuses_is_refused_where_it_is_given():
    provider = SwitchableMeterProvider()
    provider.switch(sdk()[0])

    with pytest.raises(Exception, match="1 bad name"):
        provider.get_meter("library").create_counter("1 bad name")


def test_a_name_that_only_the_next_provider_refuses_costs_that_instrument_only(caplog):
    provider = SwitchableMeterProvider()
    meter = provider.get_meter("library")
    bad, good = meter.create_counter("1 bad name"), meter.create_counter("good")
    meter.create_observable_gauge("2 bad name", [lambda options: [Observation(1)]])
    real, reader = sdk()

    provider.switch(real)
    bad.add(1)
    good.add(1)

    assert points(reader) == {"good": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "instrument '2 bad name' cannot be created on the new MeterProvider",
        "instrument '1 bad name' cannot be created on the new MeterProvider",
    ]


def test_what_the_api_does_not_know_is_asked_of_the_real_provider():
    provider = SwitchableMeterProvider()
    provider.switch(sdk()[0])

    assert provider.force_flush()
    with pytest.raises(AttributeError, match="_private"):
        _ = provider._private
    provider.switch(NoOpMeterProvider())
    with pytest.raises(AttributeError, match="force_flush"):
        provider.force_flush()


def test_no_increment_is_lost_between_threads_and_switches():
    provider = SwitchableMeterProvider()
    counter = provider.get_meter("library").create_counter("calls")
    pipelines = [sdk() for _ in range(20)]
    provider.switch(pipelines[0][0])
    start = threading.Barrier(5)

    def record() -> None:
        start.wait()
        for _ in range(500):
            counter.add(1)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    start.wait()
    for real, _ in pipelines:
        provider.switch(real)
    for thread in threads:
        thread.join()

    assert sum(int(str(points(reader).get("calls", 0))) for _, reader in pipelines) == 2000


def test_a_meter_is_a_meter_of_the_api():
    assert isinstance(SwitchableMeterProvider().get_meter("library"), Meter)
