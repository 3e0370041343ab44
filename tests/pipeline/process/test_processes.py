# SPDX-License-Identifier: Apache-2.0
"""Exit and fork: every process delivers what it counted itself, under an identity of its own."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from support.fresh_process import run, run_json

if TYPE_CHECKING:
    from pathlib import Path


def attributes_of(items: list[dict]) -> dict[str, str]:
    return {item["key"]: next(iter(item["value"].values())) for item in items}


class Exported:
    """What a file of OTLP/JSON lines holds."""

    def __init__(self, path: Path) -> None:
        self.lines = [json.loads(line) for line in path.read_text().splitlines()]

    def last_sums(self, name: str) -> dict[str, float]:
        """The newest value of a counter without attributes, by `service.instance.id`."""
        newest: dict[str, float] = {}
        for line in self.lines:
            for resource in line.get("resourceMetrics", []):
                instance = attributes_of(resource["resource"]["attributes"])["service.instance.id"]
                for scope in resource["scopeMetrics"]:
                    for metric in scope["metrics"]:
                        if metric["name"] == name:
                            newest[instance] = sum(
                                float(point.get("asInt", point.get("asDouble", 0)))
                                for point in metric["sum"]["dataPoints"]
                            )
        return newest

    def span_names(self) -> dict[str, list[str]]:
        """Names of spans by `service.instance.id`."""
        names: dict[str, list[str]] = defaultdict(list)
        for line in self.lines:
            for resource in line.get("resourceSpans", []):
                instance = attributes_of(resource["resource"]["attributes"])["service.instance.id"]
                for scope in resource["scopeSpans"]:
                    names[instance] += [span["name"] for span in scope["spans"]]
        return dict(names)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "telemetry.jsonl"


def settings(path: Path, **more: str) -> dict[str, str]:
    return {"KAIROS_TELEMETRY_EXPORTER": "file", "KAIROS_TELEMETRY_FILE_PATH": str(path), **more}


@pytest.mark.parametrize("end", ["", "sys.exit(0)"])
def test_a_process_that_ends_without_shutdown_delivers_everything(path, end):
    run(
        f"""
        import telemetry
        telemetry.init("agent", "1")
        telemetry.record_error(TimeoutError(), component="llm")
        with telemetry.observe(name="work"):
            pass
        {end}
        """,
        **settings(path),
    )

    exported = Exported(path)
    assert list(exported.last_sums("kairos.errors.total").values()) == [1]
    assert list(exported.span_names().values()) == [["work"]]


FORK = """
    import telemetry
    pipeline = telemetry.init("agent", "1")
    calls = telemetry.counter("test.calls").bind({})
    inc = calls.inc
    histogram = telemetry.histogram("test.durations").bind({})
    for _ in range(5):
        inc()
    telemetry.record_error(TimeoutError(), component="llm")
    telemetry.set_health("llm", 2)
    with telemetry.observe(name="parent"):
        pass
    child = os.fork()
    if child == 0:
        for _ in range(3):
            inc()
        calls.add(4)
        histogram.record(1)
        telemetry.record_error(TimeoutError(), component="llm")
        telemetry.record_error(TimeoutError(), component="llm")
        with telemetry.observe(name="child"):
            pass
        result = pipeline.shutdown()
        os._exit(0 if result.is_complete else 1)
    _, status = os.waitpid(child, 0)
    inc()
    telemetry.record_error(TimeoutError(), component="llm")
    assert pipeline.shutdown().is_complete
    assert status == 0
"""


def test_a_forked_child_counts_from_zero_and_the_parent_goes_on(path):
    run(FORK, **settings(path))

    exported = Exported(path)
    assert sorted(exported.last_sums("test.calls").values()) == [6, 7]
    assert sorted(exported.last_sums("kairos.errors.total").values()) == [2, 2]


def test_a_forked_child_has_an_identity_of_its_own(path):
    run(FORK, **settings(path))

    spans = Exported(path).span_names()
    assert len(spans) == 2
    assert sorted(spans.values()) == [["child"], ["parent"]]


def test_the_identity_of_a_child_starts_with_the_users(path):
    run(FORK, **settings(path, OTEL_RESOURCE_ATTRIBUTES="service.instance.id=pod-1"))

    parent, child = sorted(Exported(path).last_sums("test.calls"))
    assert parent == "pod-1"
    assert child.startswith("pod-1-")


def test_libraries_of_a_child_record_into_the_childs_pipeline(path):
    run(
        """
        import telemetry
        from opentelemetry import metrics, trace
        pipeline = telemetry.init("agent", "1")
        tracer = trace.get_tracer("library")
        counter = metrics.get_meter("library").create_counter("library.calls")
        counter.add(5)
        child = os.fork()
        if child == 0:
            counter.add(2)
            tracer.start_span("child").end()
            pipeline.shutdown()
            os._exit(0)
        os.waitpid(child, 0)
        pipeline.shutdown()
        """,
        **settings(path),
    )

    exported = Exported(path)
    assert sorted(exported.last_sums("library.calls").values()) == [2, 5]
    assert list(exported.span_names().values()) == [["child"]]


def test_what_was_obtained_from_the_handle_before_a_fork_records_into_the_childs_pipeline(path):
    run(
        """
        import telemetry
        pipeline = telemetry.init("agent", "1")
        tracer, meter = pipeline.tracer, pipeline.meter
        calls = meter.create_counter("test.kept")
        child = os.fork()
        if child == 0:
            calls.add(3)
            tracer.start_span("child").end()
            pipeline.shutdown()
            os._exit(0)
        os.waitpid(child, 0)
        pipeline.shutdown()
        """,
        **settings(path),
    )

    exported = Exported(path)
    assert list(exported.last_sums("test.kept").values()) == [3]
    assert list(exported.span_names().values()) == [["child"]]


def test_a_child_of_a_process_without_a_pipeline_can_set_one_up(path):
    run(
        """
        import telemetry
        telemetry.init("agent", "1", exporter="memory")()
        cell = telemetry.counter("test.calls").bind({})
        child = os.fork()
        if child == 0:
            with telemetry.init("child", "1"):
                cell.inc()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0
        """,
        **settings(path),
    )

    assert list(Exported(path).last_sums("test.calls").values()) == [1]


def test_a_child_whose_pipeline_cannot_be_built_goes_on_without(path):
    output = run(
        """
        import logging
        logging.basicConfig(stream=sys.stdout, format="%(message)s")
        import telemetry
        from telemetry.exporters import registry
        telemetry.init("agent", "1")
        def broken(name, config):
            raise RuntimeError("no exporter today")
        registry.build = broken
        child = os.fork()
        if child == 0:
            telemetry.record_error(TimeoutError())
            logging.shutdown()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0
        """,
        **settings(path),
    )

    assert "telemetry is off in the forked process" in output
    assert "RuntimeError: no exporter today" in output


def test_forking_while_threads_record_does_not_hang(path):
    run(
        """
        import signal
        os.register_at_fork(after_in_child=lambda: signal.alarm(20))  # a child that hangs dies of it
        import telemetry
        pipeline = telemetry.init("agent", "1")
        counter = telemetry.counter("test.calls")
        running = True
        def record():
            number = 0
            while running:
                number += 1
                counter.bind({"n": number % 500}).inc()
                telemetry.record_error_metric(TimeoutError(), f"component {number % 50}")
                with telemetry.observe(name="work"):
                    pass
        threads = [threading.Thread(target=record, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(12):
            child = os.fork()
            if child == 0:
                counter.bind({"n": 1}).inc()
                telemetry.record_error(TimeoutError(), component="child")
                os._exit(0)
            _, status = os.waitpid(child, 0)
            assert status == 0
        running = False
        for thread in threads:
            thread.join()
        pipeline.shutdown()
        """,
        is_measured=False,
        **settings(path, KAIROS_TELEMETRY_QUEUE_MAX_RECORDS="100"),
    )


SET_UP_BY_HAND = """
    from opentelemetry import metrics, trace
    from opentelemetry._logs import get_logger_provider, set_logger_provider
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
    metrics.set_meter_provider(MeterProvider([reader]))
    trace.set_tracer_provider(TracerProvider())
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
    set_logger_provider(LoggerProvider())
    before = metrics.get_meter_provider(), trace.get_tracer_provider(), get_logger_provider()

    def points(name):
        data = reader.get_metrics_data()
        return [
            [dict(point.attributes), point.value, len(point.exemplars)]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    import telemetry
"""


def test_inherit_records_into_the_applications_providers():
    found = run_json(
        SET_UP_BY_HAND
        + """
    pipeline = telemetry.init("ignored", exporter="inherit")
    try:
        with telemetry.observe("tool", name="work"):
            raise TimeoutError("late")
    except TimeoutError as error:
        telemetry.record_recovery(error)
    telemetry.set_health("llm", 1)
    telemetry.set_circuit_state("llm", 0)
    same = before == (metrics.get_meter_provider(), trace.get_tracer_provider(), get_logger_provider())
    names = ("errors.total", "errors.recovered", "errors.rate", "health.status", "circuitbreaker.state")
    print(json.dumps({
        "same": same,
        "points": {name: points("kairos." + name) for name in names},
        "spans": [span.name for span in spans.get_finished_spans()],
        "flush": pipeline.force_flush(5),
        "status": pipeline.status(),
        "log_target": pipeline.log_target("any"),
    }))
    """
    )

    labels = {"error.code": "timeout", "component": "tool", "recoverable": "true"}
    assert found == {
        "same": True,
        "points": {
            "errors.total": [[labels, 1, 0]],
            "errors.recovered": [[labels, 1, 0]],
            "errors.rate": [[{"component": "tool"}, 1.0, 0], [{}, 1.0, 0]],
            "health.status": [[{"component": "llm"}, 1, 0]],
            "circuitbreaker.state": [[{"component": "llm"}, 0, 0]],
        },
        "spans": ["work"],
        "flush": [[0, 0, 0, 0]] * 3,
        "status": [],
        "log_target": None,
    }


def test_after_shutdown_inherit_is_silent_and_the_application_goes_on():
    found = run_json(
        SET_UP_BY_HAND
        + """
    pipeline = telemetry.init("ignored", exporter="inherit")
    telemetry.set_health("llm", 1)
    pipeline.shutdown()
    telemetry.set_health("llm", 2)
    trace.get_tracer("theirs").start_span("theirs").end()
    metrics.get_meter("theirs").create_counter("theirs").add(1)
    print(json.dumps([
        points("kairos.health.status"), points("theirs"), [span.name for span in spans.get_finished_spans()]
    ]))
    """
    )

    assert found == [[], [[{}, 1, 0]], ["theirs"]]


def test_inherit_works_again_after_a_shutdown():
    found = run_json(
        SET_UP_BY_HAND
        + """
    for status in (1, 2):
        pipeline = telemetry.init("ignored", exporter="inherit")
        telemetry.set_health("llm", status)
        telemetry.counter("test.calls").bind({}).inc()
        seen = points("kairos.health.status"), points("test.calls")
        pipeline.shutdown()
    print(json.dumps(seen))
    """
    )

    assert found == [[[{"component": "llm"}, 2, 0]], [[{}, 1, 0]]]


def test_inherit_where_the_application_has_set_nothing_up_records_nowhere():
    run(
        """
        import telemetry
        pipeline = telemetry.init("agent", exporter="inherit")
        with telemetry.observe("tool") as span:
            telemetry.record_error(TimeoutError())
        assert not span.is_recording()
        assert pipeline.force_flush(5).is_complete
        child = os.fork()
        if child == 0:
            telemetry.record_error(TimeoutError())
            os._exit(0 if pipeline.shutdown().is_complete else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0
        """
    )


def test_inherit_survives_a_provider_that_cannot_flush():
    output = run(
        SET_UP_BY_HAND
        + """
    import logging
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    pipeline = telemetry.init("ignored", exporter="inherit")
    def broken(timeout):
        raise RuntimeError("stuck")
    before[0].force_flush = broken
    assert pipeline.force_flush(5).is_complete
    """
    )

    assert "MeterProvider could not flush: stuck" in output


def test_an_applications_own_providers_are_left_alone_with_a_warning():
    output = run(
        SET_UP_BY_HAND
        + """
    import logging
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    with telemetry.init("agent", exporter="memory") as pipeline:
        trace.get_tracer("theirs").start_span("theirs").end()
        with telemetry.observe(name="ours"):
            pass
        pipeline.force_flush(5)
        ours = [span.name for span in pipeline.exporters["memory"].spans.get_finished_spans()]
    assert before == (metrics.get_meter_provider(), trace.get_tracer_provider(), get_logger_provider())
    print(json.dumps([ours, [span.name for span in spans.get_finished_spans()]]))
    """
    )

    *logged, last = output.splitlines()
    assert json.loads(last) == [["ours"], ["theirs"]]
    assert (
        "The application has set its own global OpenTelemetry providers (traces, metrics, logs)" in logged[0]
    )
    assert "set the exporter to 'inherit'" in logged[0]
