# SPDX-License-Identifier: Apache-2.0
"""A callback that raises, blocks or tells nonsense costs its own instrument only."""

from __future__ import annotations

import logging
import threading
from itertools import repeat

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from support.waiting import wait_for

from telemetry.metrics.limits import Limits
from telemetry.pipeline.guarded import foreign_callbacks
from telemetry.pipeline.guarded.metrics import GuardedMeterProvider
from telemetry.pipeline.trouble import Trouble


class Bench:
    """A meter provider of ours with a reader in memory."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.limits = Limits()
        self.trouble = Trouble()
        self.provider = GuardedMeterProvider(
            self.limits, self.trouble, metric_readers=[self.reader], shutdown_on_exit=False
        )
        self.meter = self.provider.get_meter("library")

    def points(self) -> dict[str, list[object]]:
        data = self.reader.get_metrics_data()
        return {
            metric.name: [getattr(point, "value", None) for point in metric.data.data_points]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.provider.shutdown()


def raising(_options):
    yield Observation(1)
    raise RuntimeError("no more")


def test_a_callback_that_raises_costs_what_it_had_not_said_yet(bench, caplog):
    bench.meter.create_observable_gauge("bad", [raising])
    bench.meter.create_observable_gauge("good", [lambda options: [Observation(2)]])

    assert bench.points() == {"bad": [1], "good": [2]}
    assert bench.points() == {"bad": [1], "good": [2]}
    assert bench.trouble.totals()["metrics"] == 2
    assert len([record for record in caplog.records if "a callback of bad" in record.getMessage()]) == 1


def test_a_callback_that_blocks_is_skipped_until_it_returns(bench, monkeypatch, caplog):
    monkeypatch.setattr(foreign_callbacks, "MOST_SECONDS", 0.05)
    go_on, calls = threading.Event(), []

    def blocking(_options):
        calls.append(threading.current_thread())
        go_on.wait(20)
        return [Observation(1)]

    bench.meter.create_observable_gauge("slow", [blocking])
    bench.meter.create_observable_gauge("good", [lambda options: [Observation(2)]])
    counter = bench.meter.create_counter("count")
    counter.add(1)

    assert bench.points() == {"good": [2], "count": [1]}
    counter.add(1)
    assert bench.points() == {"good": [2], "count": [2]}
    assert len(calls) == 1
    assert bench.trouble.totals()["metrics"] == 2
    assert "a callback of slow could not record: TimeoutError" in caplog.text
    go_on.set()
    wait_for(lambda: "slow" in bench.points())
    assert bench.points()["slow"] == [1]
    wait_for(lambda: not calls[0].is_alive() or calls[0] is calls[-1])


def test_what_is_no_number_is_refused_and_the_rest_is_kept(bench):
    bench.meter.create_observable_gauge(
        "mixed", [lambda options: [Observation("5"), object(), None, Observation(True, {"k": object})]]
    )

    assert bench.points() == {"mixed": [1]}
    assert bench.limits.refused == 3


def test_a_callback_may_say_nothing_at_all(bench, caplog):
    bench.meter.create_observable_counter("silent", [lambda options: None])

    assert bench.points() == {}
    assert caplog.records == []


def test_a_generator_that_never_ends_ends_all_the_same(bench, monkeypatch):
    monkeypatch.setattr(foreign_callbacks, "_MOST_OBSERVATIONS", 10)
    bench.meter.create_observable_up_down_counter("endless", [lambda options: repeat(Observation(1))])

    assert bench.points() == {"endless": [10]}


def test_all_callbacks_run_in_one_thread(bench):
    threads = []
    for name in ("a", "b"):
        bench.meter.create_observable_gauge(name, [lambda options: threads.append(threading.get_ident())])
    bench.points()
    bench.points()

    assert len(threads) == 4
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_where_no_thread_can_be_started_callbacks_run_at_once(bench, monkeypatch):
    def refuse(*_arguments: object) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(foreign_callbacks.threads, "start", refuse)
    bench.meter.create_observable_gauge("late", [lambda options: [Observation(3)]])

    assert bench.points() == {"late": [3]}


def test_the_thread_ends_with_the_provider():
    bench, seen = Bench(), []

    def note(_options):
        seen.append(threading.current_thread())

    bench.meter.create_observable_gauge("a", [note])
    bench.points()
    bench.provider.shutdown()

    seen[0].join(10)
    assert not seen[0].is_alive()


def test_a_callback_may_record_and_create_instruments(bench, monkeypatch):
    monkeypatch.setattr(foreign_callbacks, "MOST_SECONDS", 1)

    def busy(_options):
        bench.meter.create_counter("from.callback").add(1)
        return [Observation(4)]

    bench.meter.create_observable_gauge("busy", [busy])

    assert bench.points()["busy"] == [4]
    wait_for(lambda: "from.callback" in bench.points())


def test_logging_is_quiet_about_what_is_fine(bench, caplog):
    caplog.set_level(logging.WARNING)
    bench.meter.create_observable_gauge("fine", [lambda options: [Observation(1.5, {"k": "v"})]])

    assert bench.points() == {"fine": [1.5]}
    assert caplog.records == []
