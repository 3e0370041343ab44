# SPDX-License-Identifier: Apache-2.0
"""R8: no public call raises, whatever it is given; a bad record costs at most itself; cuts are counted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from support.hostile import anything, errors, hostile

import telemetry
from telemetry.pipeline.handle import HANDLE
from telemetry.testing import FaultyReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def _no_odd_instruments_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is created here with impossible names would complain in every later pipeline of this process."""
    monkeypatch.setattr(HANDLE, "_instruments", None)
    monkeypatch.setattr(HANDLE.global_providers.meter_provider, "_observables", {})


@pytest.fixture
def pipeline() -> Iterator[Any]:
    """A running pipeline whose complaints nobody prints: there will be many."""
    loggers = [logging.getLogger(name) for name in ("telemetry", "opentelemetry")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    with telemetry.init("tests", exporter="memory", attribute_value_limit=100) as running:
        yield running
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def refused(pipeline: Any) -> float:
    """How many measurements were refused so far, by what is published about it."""
    return sum(
        point.value
        for resource in pipeline.exporters["memory"].metrics.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "kairos.telemetry.dropped"
        for point in metric.data.data_points
        if point.attributes["reason"] == "invalid_value"
    )


# -- our own calls -----------------------------------------------------------------------------

OUR_CALLS: dict[str, Callable[[Any, Any], object]] = {
    "record_error": lambda a, b: telemetry.record_error(a, component=b),
    "record_error on a span": lambda a, b: telemetry.record_error(a, span=b),
    "record_error_metric": telemetry.record_error_metric,
    "record_error_span": lambda a, b: telemetry.record_error_span(b, a),
    "record_recovery": telemetry.record_recovery,
    "set_health": telemetry.set_health,
    "set_circuit_state": telemetry.set_circuit_state,
    "classify": telemetry.classify,
    "retry_after": lambda a, _b: telemetry.retry_after(a),
    "counter.bind": lambda a, b: telemetry.counter("r8.count").bind(a).add(b),
    "counter.add": lambda a, b: telemetry.counter("r8.count").bind({"k": b}).add(a),
    "gauge.set": lambda a, b: telemetry.gauge("r8.gauge").bind({"k": b}).set(a),
    "histogram.record": lambda a, b: telemetry.histogram("r8.histogram").bind({"k": b}).record(a),
    "get_logger": lambda a, b: telemetry.get_logger(a).debug("line %s", b, extra={"field": a}),
}


def _observe(a: Any, b: Any) -> None:
    with telemetry.observe(a, name=b, attribute=a) as span:
        span.set_attribute("k", b)


def _observe_function(a: Any, b: Any) -> None:
    telemetry.observe(a, name=b)(lambda: None)()
    with pytest.raises(ValueError, match="the application's own"):
        telemetry.observe(a, name=b, odd=b)(_fail)()


def _fail() -> None:
    raise ValueError("the application's own")


def _observe_generator(a: Any, b: Any) -> None:
    @telemetry.observe(b, name=a)
    def generate() -> Any:
        yield a

    assert len(list(generate())) == 1


def _operations(a: Any, b: Any) -> None:
    with telemetry.invoke_agent(a, odd=b) as run:
        run.set({"k": b})
        run.set(a)
        with telemetry.chat(b, provider=a, odd=a) as call:
            call.first_chunk()
            call.response(model=a, response_id=b, finish_reasons=a, input_tokens=a, output_tokens=b)
            call.content(input_messages=a, output_messages=b, system_instructions=lambda: a)
        with telemetry.execute_tool(a, call_id=b, odd=a) as tool:
            tool.content(arguments=a, result=b)


OUR_CALLS |= {
    "observe": _observe,
    "observe, a function": _observe_function,
    "observe, a generator": _observe_generator,
    "operations": _operations,
}


@pytest.mark.parametrize("call", OUR_CALLS)
def test_none_of_our_calls_raises_whatever_it_is_given(pipeline, call):
    function = OUR_CALLS[call]

    @ROUNDS
    @given(errors, anything)
    def attempt(first: Any, second: Any) -> None:
        function(first.value, second.value)

    attempt()
    assert pipeline.force_flush(10).traces.pending == 0


# -- OpenTelemetry's calls ---------------------------------------------------------------------


def _instruments(meter: Any, a: Any, b: Any, is_over: list[bool]) -> None:
    meter.create_counter(a, b, b)
    meter.create_gauge(b, a)
    meter.create_histogram("r8.odd", a, b, explicit_bucket_boundaries_advisory=a).record(b)
    meter.create_observable_gauge(a, b)
    meter.create_counter("r8.counter").add(a, b, b)
    meter.create_up_down_counter("r8.balance").add(a, {"k": b})
    meter.create_histogram("r8.spread").record(a, {"k": b, "more": [b]})
    meter.create_gauge("r8.level").set(a, {"k": b})
    meter.create_observable_counter(f"r8.seen.{len(str(type(a)))}", [lambda options: () if is_over else b])


def _spans(tracer: Any, a: Any, b: Any) -> None:
    span = tracer.start_span(a, attributes=b)
    span.set_attribute(a, b)
    span.set_attribute("k", a)
    span.set_attributes(a)
    span.set_attributes({"k": b, "other": [a]})
    span.add_event(a, b)
    span.add_event("event", {"k": b}, timestamp=a)
    span.add_link(a, b)
    span.add_link(span.get_span_context(), {"k": a})
    span.record_exception(a, b)
    span.set_status(a, b)
    span.set_status(trace.StatusCode.ERROR, a)
    span.update_name(b)
    span.end(a)
    tracer.start_span("odd", context=a, kind=b, links=a, start_time=b).end()
    with (
        pytest.raises(ValueError, match="the application's own"),
        tracer.start_as_current_span(a, attributes={"k": b}),
    ):
        _fail()
    odd = hostile(Exception, "__str__", "__repr__")
    with pytest.raises(type(odd)), tracer.start_as_current_span("work"):
        raise odd
    with pytest.raises(type(odd)), tracer.start_span("work"):
        raise odd


def _logs(logger: Any, a: Any, b: Any) -> None:
    logger.emit(body=a, attributes=b, severity_text=a, event_name=b)
    logger.emit(body=b, attributes={"k": a}, exception=a, timestamp=1)
    logger.enabled(severity_number=a, event_name=b)


@pytest.mark.parametrize("whose", ["Telemetry's", "the global"])
def test_none_of_opentelemetrys_calls_raises_whatever_it_is_given(pipeline, whose):
    is_own = whose == "Telemetry's"
    meter = pipeline.meter if is_own else metrics.get_meter("library")
    tracer = pipeline.tracer if is_own else trace.get_tracer("library")
    logger = pipeline.logger if is_own else get_logger_provider().get_logger("library")
    is_over: list[bool] = []

    @ROUNDS
    @given(errors, anything)
    def attempt(given_first: Any, given_second: Any) -> None:
        first, second = given_first.value, given_second.value
        _instruments(meter, first, second, is_over)
        _spans(tracer, first, second)
        _logs(logger, first, second)
        pipeline.providers.tracer_provider.get_tracer(first, second).start_span("work").end()
        pipeline.providers.meter_provider.get_meter(first, second).create_counter("one").add(1)
        pipeline.providers.logger_provider.get_logger(first, second).emit(body="line")

    attempt()
    pipeline.force_flush(10)
    is_over.append(True)  # observable instruments live on, in the next tests too
    pipeline.meter.create_counter("r8.good").add(1)
    assert pipeline.force_flush(10).metrics.pending == 0


# -- what becomes of it ------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: "5", lambda: -1, lambda: float("nan"), lambda: 10**400, hostile])
def test_a_measurement_that_is_no_number_is_refused_and_counted(pipeline, make):
    odd, before = make(), refused(pipeline)
    counter = pipeline.meter.create_counter("r8.strict")
    counter.add(odd)
    telemetry.counter("r8.own").bind().add(odd)

    assert refused(pipeline) == before + 2


def test_attributes_that_are_too_long_are_cut_and_counted(pipeline):
    long = "ä" * 1_000
    error = telemetry.KairosError("timeout", long, attributes={"told": long})
    with telemetry.observe(name="work", argument=long) as span:
        span.set_attribute("set", [long])
        span.add_event("event", {"k": long})
        span.add_link(span.get_span_context(), {"k": long})
        telemetry.record_error(error)
        span.record_exception(ValueError(long))
    pipeline.logger.emit(body="line", attributes={"k": long}, exception=error)
    pipeline.meter.create_counter("r8.long").add(1, {"k": long})
    pipeline.force_flush(10)
    exporters = pipeline.exporters["memory"]
    (finished,) = exporters.spans.get_finished_spans()
    (log,) = exporters.logs.get_finished_logs()
    values = [
        *(
            value
            for part in (finished, *finished.events, *finished.links)
            for value in part.attributes.values()
        ),
        *log.log_record.attributes.values(),
    ]
    texts = [
        text
        for value in values
        for text in (value if isinstance(value, tuple) else (value,))
        if isinstance(text, str)
    ]

    assert len([text for text in texts if "ää" in text]) >= 9
    assert max(len(text.encode()) for text in texts) <= 100
    cut = {
        point.attributes["signal"]: point.value
        for resource in exporters.metrics.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "kairos.telemetry.truncated"
        for point in metric.data.data_points
    }
    # argument, set, event, link; told, message and stack of the first error; message and stack of the second.
    assert cut == {"traces": 9, "logs": 3, "metrics": 1}


def test_of_a_long_stack_trace_the_beginning_and_the_end_stay(pipeline):
    def dive(depth: int) -> None:
        if depth:
            dive_again(depth - 1)
        raise ValueError("what happened")

    def dive_again(depth: int) -> None:
        dive(depth)

    with telemetry.observe(name="work") as span:
        for record in (telemetry.record_error, span.record_exception):
            try:
                dive(10)
            except ValueError as error:
                record(error)
                pipeline.logger.emit(body="line", exception=error)
    pipeline.force_flush(10)
    (finished,) = pipeline.exporters["memory"].spans.get_finished_spans()
    logs = pipeline.exporters["memory"].logs.get_finished_logs()
    stacks = [
        *(event.attributes["exception.stacktrace"] for event in finished.events),
        *(log.log_record.attributes["exception.stacktrace"] for log in logs),
    ]

    assert len(stacks) == 4
    for stack in stacks:
        assert stack.lstrip().startswith("Traceback")
        assert "[...]" in stack
        assert stack.rstrip().endswith("ValueError: what happened")
        assert len(stack.encode()) <= 100


def test_a_bad_record_costs_at_most_itself():
    bad = [hostile(object), 2**70, "\ud800", object(), float("nan"), {1: {2: object}}]
    with FaultyReceiver() as receiver:
        running = telemetry.init("tests", exporter="otlp-http", otlp_endpoint=receiver.http_endpoint)
        count = running.meter.create_counter("r8.mixed")
        for number, odd in enumerate(bad):
            count.add(odd, {"k": odd})
            count.add(1, {"number": number})
            with telemetry.observe(name="odd", odd=odd):
                pass
            with telemetry.observe(name=f"good {number}"):
                pass
            running.logger.emit(body=odd, attributes={"k": odd})
            running.logger.emit(body=f"good {number}")
        result = running.shutdown(10)

        assert not any(signal.pending for signal in result)
        assert result.traces.delivered >= len(bad)
        assert result.logs.delivered >= len(bad)
        assert result.metrics.dropped == 0


@given(st.data())
@ROUNDS
def test_before_set_up_nothing_raises_either(data):
    for call, function in OUR_CALLS.items():
        if call != "get_logger":
            function(data.draw(errors).value, data.draw(anything).value)
