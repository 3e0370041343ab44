# SPDX-License-Identifier: Apache-2.0
"""A pipeline's life: batches, deadlines, books, shutdown."""

from __future__ import annotations

import asyncio
import inspect
import threading
import warnings
from time import monotonic

import pytest
from opentelemetry import metrics, trace
from support import fake_exporters
from support.waiting import wait_for

import telemetry
from telemetry import Config, ConfigError, FlushResult, SignalResult, observe
from telemetry.pipeline.handle import HANDLE
from telemetry.pipeline.off import NoTelemetry
from telemetry.pipeline.telemetry import Telemetry

INTERVALS = {"metric_interval_seconds": 3600, "flush_interval_seconds": 3600}


@pytest.fixture
def fake(monkeypatch) -> fake_exporters.Behaviour:
    return fake_exporters.install(monkeypatch)


@pytest.fixture
def start():
    """Starts pipelines that are over when the test is."""
    started = []

    def start_one(**settings) -> Telemetry:
        started.append(telemetry.init("tests", "1", exporter="memory", **{**INTERVALS, **settings}))
        return started[-1]

    yield start_one
    for each in started:
        each.shutdown(0.5)


def make_spans(number: int) -> None:
    for _ in range(number):
        with observe(name="span"):
            pass


def status_of(pipeline: Telemetry, signal: str):
    return next(status for status in pipeline.status() if status.signal == signal)


# -- delivery ----------------------------------------------------------------------------------


def test_a_flush_delivers_every_signal(fake, start):
    pipeline = start()
    make_spans(3)
    telemetry.record_error(TimeoutError())
    pipeline.logger.emit(event_name="tests.event")
    result = pipeline.force_flush(5)

    assert result.traces == SignalResult(delivered=3)
    assert result.logs == SignalResult(delivered=1)
    assert result.metrics.delivered == sum(
        len(metric.data.data_points)
        for data in fake.batches["metrics"]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
    assert result.is_complete


def test_spans_leave_in_batches(fake, start):
    fake.is_open.clear()
    pipeline = start()
    make_spans(1300)
    fake.is_open.set()
    pipeline.force_flush(5)

    assert sum(len(batch) for batch in fake.batches["traces"]) == 1300
    assert max(len(batch) for batch in fake.batches["traces"]) == 512


def test_a_full_batch_does_not_wait_for_the_interval(fake, start):
    start()
    make_spans(512)

    wait_for(lambda: len(fake.spans) == 512, what="the export of a full batch")


def test_what_waits_is_pending(fake, start):
    pipeline = start()
    make_spans(3)

    assert status_of(pipeline, "traces").pending == 3


def test_the_status_tells_the_last_success(fake, start):
    pipeline = start()
    assert status_of(pipeline, "traces").last_success_unix is None
    make_spans(1)
    pipeline.force_flush(5)

    status = status_of(pipeline, "traces")
    assert (status.exporter, status.delivered, dict(status.dropped), status.pending) == ("memory", 1, {}, 0)
    assert status.last_success_unix is not None
    assert status.last_error is None


def test_libraries_can_flush_the_global_providers(fake, start):
    start()
    make_spans(2)
    telemetry.record_error(TimeoutError())

    assert trace.get_tracer_provider().force_flush(5000)
    assert metrics.get_meter_provider().force_flush(5000)
    assert len(fake.spans) == 2
    assert fake.points("kairos.errors.total")


def test_flushing_a_global_provider_says_when_it_took_too_long(fake, start):
    pipeline = start()
    fake.is_open.clear()
    make_spans(1)
    pipeline.logger.emit(event_name="tests.event")
    providers = pipeline.providers

    assert not trace.get_tracer_provider().force_flush(10)
    assert not providers.logger_provider.force_flush(10)
    fake.is_open.set()


# -- what is dropped ---------------------------------------------------------------------------


def test_what_the_queue_cannot_hold_is_dropped_and_counted(fake, start):
    fake.is_open.clear()
    pipeline = start(queue_max_records=10)
    make_spans(10)
    assert fake.entered.wait(5)
    wait_for(lambda: status_of(pipeline, "traces").pending == 10, what="ten spans in flight")
    make_spans(25)
    fake.is_open.set()
    result = pipeline.force_flush(5)

    assert (result.traces.delivered, result.traces.dropped) == (20, 15)
    assert not result.is_complete
    assert dict(status_of(pipeline, "traces").dropped) == {"queue_full": 15}
    assert pipeline.snapshot()["kairos.telemetry.dropped"] == [
        ({"signal": "traces", "reason": "queue_full"}, 15)
    ]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda fake: setattr(fake, "is_failing", True), "the exporter reported a failure"),
        (lambda fake: setattr(fake, "error", OSError("cable")), "OSError: cable"),
    ],
)
def test_what_an_exporter_does_not_take_is_dropped_and_counted(fake, start, break_it, said):
    pipeline = start()
    break_it(fake)
    make_spans(2)
    telemetry.record_error(TimeoutError())
    pipeline.logger.emit(event_name="tests.event")
    result = pipeline.force_flush(5)

    assert result.traces == SignalResult(dropped=2)
    assert result.logs == SignalResult(dropped=1)
    assert result.metrics.dropped > 0
    for signal in ("traces", "metrics", "logs"):
        assert status_of(pipeline, signal).last_error == said
        assert set(status_of(pipeline, signal).dropped) == {"export_failed"}


def test_an_exporter_that_recovers_delivers_again(fake, start):
    pipeline = start()
    fake.error = OSError("cable")
    make_spans(1)
    pipeline.force_flush(5)
    fake.error = None
    make_spans(1)

    assert pipeline.force_flush(5).traces == SignalResult(delivered=1, dropped=1)


def test_the_duration_of_exports_is_measured(fake, start):
    pipeline = start()
    make_spans(1)
    pipeline.force_flush(5)
    fake.is_failing = True
    make_spans(1)
    pipeline.force_flush(5)
    fake.is_failing = False
    pipeline.force_flush(5)

    outcomes = {
        (point.attributes["signal"], point.attributes["outcome"])
        for point in fake.points("kairos.telemetry.export.duration")
    }
    assert {("traces", "success"), ("traces", "failure"), ("metrics", "success")} <= outcomes


def test_what_is_recorded_after_shutdown_is_dropped_and_counted(fake, start):
    pipeline = start()
    with pipeline.tracer.start_as_current_span("late"):
        pipeline.shutdown(5)

    assert dict(status_of(pipeline, "traces").dropped) == {"after_shutdown": 1}


# -- deadlines ---------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("call", ["force_flush", "shutdown"])
def test_a_deadline_holds_although_the_exporter_hangs(fake, start, call):
    pipeline = start()
    fake.is_open.clear()
    make_spans(3)
    telemetry.record_error(TimeoutError())
    began = monotonic()
    result = getattr(pipeline, call)(0.1)

    assert monotonic() - began < 0.1 + 0.2
    assert result.traces == SignalResult(pending=3)
    assert result.metrics.pending > 0
    assert not result.is_complete
    fake.is_open.set()


def test_what_is_queued_behind_a_hanging_export_is_given_up_at_shutdown(fake, start):
    pipeline = start()
    fake.is_open.clear()
    make_spans(512)
    assert fake.entered.wait(5)
    make_spans(7)
    result = pipeline.shutdown(0.1)

    assert result.traces == SignalResult(dropped=7, pending=512)
    assert dict(status_of(pipeline, "traces").dropped) == {"shutdown_timeout": 7}
    fake.is_open.set()


@pytest.mark.alone
def test_a_deadline_holds_although_closing_the_exporter_hangs(fake, start):
    pipeline = start()
    fake.is_open.clear()
    fake.hangs_at_shutdown = True
    make_spans(1)
    began = monotonic()
    pipeline.shutdown(0.1)

    assert monotonic() - began < 0.1 + 0.2
    assert sorted(fake.shutdowns) == ["logs", "metrics", "traces"]
    fake.is_open.set()


def test_an_exporter_that_raises_when_closed_is_logged(fake, start, caplog):
    pipeline = start()
    fake.shutdown_error = OSError("stuck")
    make_spans(1)

    assert pipeline.shutdown(5).traces == SignalResult(delivered=1)
    assert "an exporter could not be shut down: OSError: stuck" in caplog.text


def test_a_negative_timeout_is_no_time_at_all(fake, start):
    pipeline = start()
    fake.is_open.clear()
    make_spans(1)

    assert pipeline.force_flush(-1).traces.pending == 1
    fake.is_open.set()


def test_the_default_timeout_is_a_setting(fake, start):
    pipeline = start(shutdown_timeout_seconds=0.1)
    fake.is_open.clear()
    make_spans(1)
    began = monotonic()
    pipeline.force_flush()
    pipeline.shutdown()

    assert monotonic() - began < 5
    fake.is_open.set()


def test_who_comes_second_to_a_shutdown_waits_no_longer_than_its_own_deadline(fake, start):
    pipeline = start()
    fake.is_open.clear()
    make_spans(1)
    first = threading.Thread(target=pipeline.shutdown, args=(20,))
    first.start()
    wait_for(lambda: HANDLE.telemetry is None, what="the first shutdown")
    began = monotonic()

    assert pipeline.shutdown(0.05).traces == SignalResult(pending=1)
    assert monotonic() - began < 5
    fake.is_open.set()
    first.join()


# -- life --------------------------------------------------------------------------------------


def test_shutdown_delivers_what_is_left(fake, start):
    pipeline = start()
    make_spans(3)
    telemetry.record_error(TimeoutError())
    result = pipeline.shutdown(5)

    assert result.traces == SignalResult(delivered=3)
    assert result.is_complete
    assert [point.value for point in fake.points("kairos.errors.total")] == [1]
    assert sorted(fake.shutdowns) == ["logs", "metrics", "traces"]


def test_a_second_shutdown_says_the_same(fake, start):
    pipeline = start()
    make_spans(1)
    first = pipeline.shutdown(5)

    assert pipeline.shutdown() is pipeline.force_flush() is pipeline() is first
    assert len(fake.shutdowns) == 3


def test_calling_the_pipeline_shuts_it_down(start):
    shutdown = start()
    shutdown()

    assert HANDLE.telemetry is None


def test_a_block_shuts_down_at_its_end(fake):
    with telemetry.init("tests", exporter="memory") as pipeline:
        assert HANDLE.telemetry is pipeline
        make_spans(1)

    assert HANDLE.telemetry is None
    assert len(fake.spans) == 1


def test_an_async_block_shuts_down_at_its_end_without_stopping_the_loop(fake):
    fake.is_open.clear()

    async def main() -> None:
        async with telemetry.init("tests", exporter="memory"):
            make_spans(1)
            asyncio.get_running_loop().call_later(0.05, fake.is_open.set)

    asyncio.run(main())

    assert len(fake.spans) == 1
    assert HANDLE.telemetry is None


def test_a_second_init_flushes_the_first_and_warns(fake, start):
    first = start()
    make_spans(2)
    with pytest.warns(
        RuntimeWarning,
        match=r"^telemetry was already set up for 'tests': that pipeline is flushed and shut down",
    ) as caught:
        second = telemetry.init("second", exporter="memory")

    assert caught[0].filename == __file__
    assert len(fake.spans) == 2
    assert first.force_flush().traces == SignalResult(delivered=2)
    assert HANDLE.telemetry is second
    second.shutdown()


def test_shutting_down_the_first_leaves_the_second_alone(fake, start):
    first = start()
    with pytest.warns(RuntimeWarning):
        second = start()
    first.shutdown()
    telemetry.record_error(TimeoutError())

    assert HANDLE.telemetry is second
    second.force_flush(5)
    assert [point.value for point in fake.points("kairos.errors.total")] == [1]


def test_only_the_active_pipeline_can_be_deactivated(start):
    pipeline = start()
    HANDLE.deactivate(NoTelemetry(lambda: pipeline.config))

    assert HANDLE.telemetry is pipeline


def test_switching_off_shuts_the_first_down(fake, start):
    start()
    make_spans(1)
    off = telemetry.init("tests", exporter="none")

    assert isinstance(off, NoTelemetry)
    assert HANDLE.telemetry is None
    assert len(fake.spans) == 1


def test_many_lives_leave_no_thread_behind():
    before = set(threading.enumerate())
    for _ in range(20):
        with telemetry.init("tests", exporter="memory"):
            make_spans(1)
            telemetry.record_error(TimeoutError())

    wait_for(lambda: set(threading.enumerate()) <= before, what="the end of every thread")


def test_a_config_object_is_enough():
    with telemetry.init_with_config("tests", "1.2", Config(exporter="memory")) as pipeline:
        assert pipeline.config.service_name == "tests"


def test_a_config_object_may_switch_off():
    assert isinstance(telemetry.init_with_config("tests", "", Config(exporter="none")), NoTelemetry)


def test_a_bad_setting_leaves_what_is_active_alone(start):
    first = start()
    with pytest.raises(ConfigError, match="exporter"):
        telemetry.init("tests", exporter="no such exporter")

    assert HANDLE.telemetry is first


def test_several_exporters_get_the_same(tmp_path):
    path = tmp_path / "telemetry.jsonl"
    with telemetry.init("tests", exporter="memory,file", file_path=path) as pipeline:
        make_spans(1)
        telemetry.record_error(TimeoutError())
        result = pipeline.force_flush(5)
        memory = pipeline.exporters["memory"]
        assert [span.name for span in memory.spans.get_finished_spans()] == ["span"]

    assert result.traces == SignalResult(delivered=1)
    assert {status.exporter for status in pipeline.status()} == {"memory", "file"}
    text = path.read_text()
    assert all(name in text for name in ('"span"', "kairos.errors.total"))


def test_a_snapshot_shows_the_current_values(start):
    pipeline = start()
    telemetry.counter("test.snapshot").bind({"a": 1}).inc()
    telemetry.gauge("test.snapshot.gauge").bind({"a": 1}).set(2)
    telemetry.gauge("test.snapshot.gauge").bind({"a": 2})
    telemetry.record_error(TimeoutError(), component="llm")
    telemetry.record_recovery("timeout", "llm")
    telemetry.set_health("llm", 1)
    telemetry.set_circuit_state("llm", 0)

    labels = {"error.code": "timeout", "component": "llm", "recoverable": "true"}
    assert pipeline.snapshot() == {
        "kairos.errors.total": [(labels, 1)],
        "kairos.errors.recovered": [(labels, 1)],
        "kairos.errors.rate": [({"component": "llm"}, 1), ({}, 1)],
        "kairos.health.status": [({"component": "llm"}, 1)],
        "kairos.circuitbreaker.state": [({"component": "llm"}, 0)],
        "test.snapshot": [({"a": 1}, 1)],
        "test.snapshot.gauge": [({"a": 1}, 2)],
    }


def test_a_pipeline_without_log_exporter_has_no_log_target(tmp_path):
    with telemetry.init("tests", exporter="prometheus", prometheus_port=0) as pipeline:
        assert pipeline.log_target("any") is None
        assert pipeline.force_flush(5) == FlushResult()
    with telemetry.init("tests", exporter="memory") as pipeline:
        assert pipeline.log_target("any") is not None


# -- none --------------------------------------------------------------------------------------


OF_THE_PIPELINE_ITSELF = {"go_global", "providers", "publish", "restart_in_child"}


def public(kind: type) -> dict[str, object]:
    return {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}


def test_none_has_the_interface_of_a_pipeline():
    with telemetry.init("tests", exporter="memory") as pipeline:
        names = {name for name in dir(pipeline) if not name.startswith("_")} - OF_THE_PIPELINE_ITSELF
    off = telemetry.init("tests", exporter="none")

    assert {name for name in names - {"recorder"} if not hasattr(off, name)} == set()
    for name, method in public(NoTelemetry).items():
        if inspect.isfunction(method):
            expected = inspect.signature(getattr(Telemetry, name))
            assert list(inspect.signature(method).parameters) == list(expected.parameters), name


def test_none_does_nothing():
    off = telemetry.init("tests", exporter="none")
    off.meter.create_counter("c").add(1)
    off.tracer.start_span("s").end()
    off.logger.emit(event_name="e")

    async def main() -> None:
        async with off as inside:
            assert inside is off

    asyncio.run(main())
    with off as inside:
        assert inside is off
    assert off.force_flush() == off.shutdown(1) == off(1) == FlushResult()
    assert off.status() == []
    assert off.exporters == {}
    assert off.log_target("any") is None
    assert (off.config.service_name, off.config.exporter) == ("tests", "none")
    assert off.snapshot() == {}


def test_set_up_by_many_threads_at_once_leaves_one_pipeline_running(fake):
    all_ready = threading.Barrier(8)
    made: list[telemetry.Telemetry] = []

    def set_up() -> None:
        all_ready.wait()
        made.append(telemetry.init("tests", exporter="memory"))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # each of them replaces the one before
        threads = [threading.Thread(target=set_up) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    running = [pipeline for pipeline in made if not pipeline.is_shut_down]
    assert len(made) == 8
    assert running == [HANDLE.telemetry]
    running[0].shutdown()
