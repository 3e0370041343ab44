# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging

import pytest
from opentelemetry import metrics, trace
from opentelemetry.trace import StatusCode

import telemetry
from telemetry.testing import SequentialIds, TelemetryProbe


def fails(match: str):
    return pytest.raises(AssertionError, match=match)


def tracer() -> trace.Tracer:
    return trace.get_tracer("library")


# -- metrics -----------------------------------------------------------------------------------


def test_value_finds_the_exact_series_first(kairos):
    telemetry.record_error(ValueError("a"), component="llm")
    telemetry.record_error(ValueError("b"), component="tool")

    assert kairos.value("kairos.errors.rate") == 2
    assert kairos.value("kairos.errors.rate", component="llm") == 1
    assert kairos.value("kairos.errors.total", {"error.code": "invalid_input"}, component="tool") == 1


def test_value_adds_sums_and_histograms_up(kairos):
    counter = metrics.get_meter("library").create_counter("calls")
    histogram = metrics.get_meter("library").create_histogram("seconds")
    for number in (1, 2):
        counter.add(number, {"number": number})
        histogram.record(number, {"number": number})

    assert kairos.value("calls") == 3
    assert kairos.value("seconds") == 3
    assert {point.count for point in kairos.metrics() if point.name == "seconds"} == {1}


def test_value_of_an_absent_metric_lists_the_metrics(kairos):
    telemetry.set_health("llm", telemetry.HealthStatus.HEALTHY)

    with fails("there is no metric 'kairos.health', but: .*kairos.health.status"):
        kairos.value("kairos.health")


def test_value_where_nothing_was_recorded_says_so(kairos):
    with fails("no series of 'calls' has {}; there is no metric 'calls', but: "):
        kairos.value("calls")


def test_value_of_an_absent_series_lists_the_series(kairos):
    telemetry.set_health("llm", telemetry.HealthStatus.HEALTHY)

    with fails("has {'component': 'tool'}; there are:\n  kairos.health.status{component='llm'} = 2"):
        kairos.value("kairos.health.status", component="tool")


def test_value_of_several_gauges_asks_for_more(kairos):
    telemetry.set_health("llm", telemetry.HealthStatus.HEALTHY)
    telemetry.set_health("tool", telemetry.HealthStatus.DEGRADED)

    with fails("2 series of the gauge 'kairos.health.status' have {}; name more of:\n  kairos.health"):
        kairos.value("kairos.health.status")


def test_clear_forgets_everything_but_states(kairos):
    histogram = metrics.get_meter("library").create_histogram("seconds")
    telemetry.record_error(ValueError("a"), component="llm")
    telemetry.set_health("llm", telemetry.HealthStatus.HEALTHY)
    histogram.record(1)
    tracer().start_span("s").end()
    logging.getLogger("shop").error("m")

    kairos.clear()

    assert kairos.spans == []
    assert kairos.logs == []
    kairos.assert_no_errors()
    assert kairos.value("kairos.health.status", component="llm") == 2
    telemetry.record_error(ValueError("b"), component="llm")
    histogram.record(5)
    kairos.assert_error(component="llm", count=1)
    (point,) = [point for point in kairos.metrics() if point.name == "seconds"]
    assert (point.value, point.count) == (5, 1)
    assert str(point) == "seconds{} = 5 in 1 values"


# -- errors ------------------------------------------------------------------------------------


def test_assert_error_counts_by_code_component_and_recoverability(kairos):
    telemetry.record_error(TimeoutError("a"), component="llm")
    telemetry.record_error(TimeoutError("b"), component="tool")
    telemetry.record_error(ValueError("c"), component="tool")

    kairos.assert_error(count=3)
    kairos.assert_error(code=telemetry.ErrorCode.TIMEOUT, count=2)
    kairos.assert_error("timeout", "tool", True)
    kairos.assert_error(recoverable=False)
    kairos.assert_error(component="memory", count=0)


def test_assert_error_lists_what_was_counted(kairos):
    with fails("0 errors have {'component': 'llm'}, not 1; counted were: none"):
        kairos.assert_error(component="llm")


def test_assert_recovered_counts_recoveries(kairos):
    telemetry.record_recovery("timeout", "llm")

    kairos.assert_recovered(code="timeout", component="llm")
    with fails("1 recoveries have {}, not 2"):
        kairos.assert_recovered(count=2)


def test_assert_no_errors_sees_counted_errors(kairos):
    telemetry.record_error(ValueError("a"), component="llm")

    with fails("there were errors:\n  kairos.errors.total{component='llm', .* = 1"):
        kairos.assert_no_errors()


def test_assert_no_errors_sees_failed_spans(kairos):
    span = tracer().start_span("work")
    span.set_status(StatusCode.ERROR, "broken")
    span.end()

    with fails(r"there were errors:\n  span 'work' ERROR \(broken\) {}"):
        kairos.assert_no_errors()


# -- spans -------------------------------------------------------------------------------------


def test_span_is_the_one_of_that_name(kairos):
    for name in ("once", "twice", "twice"):
        tracer().start_span(name).end()

    assert kairos.span("once").name == "once"
    with fails("2 spans are named 'twice', not 1; there are:\n  span 'once' UNSET {}"):
        kairos.span("twice")
    with fails("0 spans are named 'never', not 1"):
        kairos.span("never")


def test_assert_span_checks_attributes_status_and_events(kairos):
    span = tracer().start_span("work", attributes={"tool": "search", "tags": ["a", "b"]})
    span.add_event("started")
    span.set_status(StatusCode.OK)
    span.end()

    found = kairos.assert_span(
        "work", attributes={"tool": "search", "tags": ["a", "b"]}, status="ok", events=["started"]
    )
    assert found is kairos.assert_span("work", status=StatusCode.OK)
    with fails(
        "no span named 'work' fits:\n"
        "  span 'work' OK {'tool': 'search', 'tags': .*}\n"
        "    has no attribute 'model'\n"
        "    attribute 'tool' is 'search', not 'write'\n"
        "    status is OK, not ERROR\n"
        r"    events are \['started'\], not \[\]"
    ):
        kairos.assert_span("work", attributes={"model": "m", "tool": "write"}, status="error", events=[])


def test_assert_span_takes_any_of_that_name(kairos):
    for number in (1, 2):
        tracer().start_span("work", attributes={"number": number}).end()

    assert kairos.assert_span("work", attributes={"number": 2}).attributes["number"] == 2


def test_assert_span_says_when_no_span_has_ended(kairos):
    tracer().start_span("open")

    with fails("no span is named 'open'; no span has ended"):
        kairos.assert_span("open")


# -- content -----------------------------------------------------------------------------------

SECRET = 'my "secret"\nñandú'


def leak_in_span_name() -> None:
    tracer().start_span(f"chat {SECRET}").end()


def leak_in_attribute() -> None:
    tracer().start_span("s", attributes={"list": ["x", SECRET]}).end()


def leak_in_attribute_name() -> None:
    tracer().start_span("s", attributes={SECRET: 1}).end()


def leak_in_bytes() -> None:
    tracer().start_span("s", attributes={"b": SECRET.encode()}).end()


def leak_in_json() -> None:
    tracer().start_span("s", attributes={"messages": json.dumps([{"content": SECRET}])}).end()


def leak_in_repr() -> None:
    tracer().start_span("s", attributes={"messages": repr([SECRET])}).end()


def leak_in_event() -> None:
    span = tracer().start_span("s")
    span.add_event("e", {"nested": {"deep": SECRET}})
    span.end()


def leak_in_status() -> None:
    span = tracer().start_span("s")
    span.set_status(StatusCode.ERROR, SECRET)
    span.end()


def leak_in_link() -> None:
    context = trace.SpanContext(1, 2, is_remote=True)
    tracer().start_span("s", links=[trace.Link(context, {"k": SECRET})]).end()


def leak_in_scope() -> None:
    trace.get_tracer("library", attributes={"k": SECRET}).start_span("s").end()


def leak_in_log_body() -> None:
    logging.getLogger("shop").error("m: %s", SECRET)


def leak_in_log_attribute() -> None:
    logging.getLogger("shop").error("m", extra={"prompt": {"text": SECRET}})


def leak_in_metric_label() -> None:
    metrics.get_meter("library").create_counter("calls").add(1, {"prompt": SECRET})


LEAKS = (
    leak_in_span_name,
    leak_in_attribute,
    leak_in_attribute_name,
    leak_in_bytes,
    leak_in_json,
    leak_in_repr,
    leak_in_event,
    leak_in_status,
    leak_in_link,
    leak_in_scope,
    leak_in_log_body,
    leak_in_log_attribute,
    leak_in_metric_label,
)


@pytest.mark.parametrize("leak", LEAKS)
def test_content_is_found_wherever_it_stands(kairos, leak):
    kairos.assert_no_content_leaked(SECRET)
    leak()

    with fails("content was exported:\n  "):
        kairos.assert_no_content_leaked("harmless", SECRET)
    kairos.assert_no_content_leaked("harmless")


@pytest.mark.kairos(resource_attributes={"owner": "secret owner"})
def test_content_is_found_in_the_resource(kairos):
    tracer().start_span("s").end()

    with fails("'secret owner' in resource, attribute 'owner': 'secret owner'$"):
        kairos.assert_no_content_leaked("secret owner")


def test_a_long_place_is_shown_by_its_beginning(kairos):
    tracer().start_span("s", attributes={"k": "secret" + "x" * 100}).end()

    with fails(r"'secret' in span 's', attribute 'k': 'secretx+\.\.\.'"):
        kairos.assert_no_content_leaked("secret")


@pytest.mark.parametrize("secrets", [(), ("",), ("a", "")])
def test_content_to_look_for_must_be_given(kairos, secrets):
    with pytest.raises(ValueError, match="needs texts that are not empty"):
        kairos.assert_no_content_leaked(*secrets)


# -- the rest ----------------------------------------------------------------------------------


def test_logs_carry_the_span_they_were_written_in(kairos):
    with tracer().start_as_current_span("work") as span:
        logging.getLogger("shop").error("inside")

    (item,) = kairos.logs
    assert item.log_record.span_id == span.get_span_context().span_id


def test_a_probe_needs_a_pipeline_in_memory(tmp_path):
    with (
        telemetry.init("tests", exporter="file", file_path=str(tmp_path / "t.jsonl")) as pipeline,
        pytest.raises(ValueError, match="exporter: 'file' keeps nothing in memory; use exporter='memory'"),
    ):
        TelemetryProbe(pipeline)


def test_sequential_ids_count_from_one():
    ids = SequentialIds()

    assert [ids.generate_trace_id(), ids.generate_trace_id()] == [1, 2]
    assert [ids.generate_span_id(), ids.generate_span_id()] == [1, 2]


def test_the_package_lists_its_names():
    import telemetry.testing as package

    assert dir(package) == sorted(package.__all__)
    with pytest.raises(AttributeError, match=r"module 'telemetry.testing' has no attribute 'probes'"):
        _ = package.probes
