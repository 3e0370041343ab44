# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

import telemetry
from telemetry import KairosError, observe
from telemetry.testing import isolated
from telemetry.tracing.span_errors import error_type


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def fail(error: BaseException, **observation) -> None:
    with pytest.raises(type(error)), observe(**observation):
        raise error


def test_an_error_makes_the_span_a_failed_one(kairos):
    fail(TimeoutError("too late"), component="llm", name="work")

    span = kairos.span("work")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "too late"
    assert dict(span.attributes) == {
        "component": "llm",
        "error.code": "timeout",
        "error.recoverable": True,
        "error.type": "TimeoutError",
    }


def test_the_exception_is_an_event_with_its_traceback(kairos):
    fail(TimeoutError("too late"), name="work")

    (event,) = kairos.span("work").events
    assert event.name == "exception"
    assert event.attributes["exception.type"] == "TimeoutError"
    assert event.attributes["exception.message"] == "too late"
    assert event.attributes["exception.stacktrace"].startswith("Traceback (most recent call last):\n")
    assert event.attributes["exception.stacktrace"].endswith("TimeoutError: too late\n")


def test_what_a_kairos_error_tells_is_on_the_span(kairos):
    error = KairosError(
        "tool_failure",
        "broken",
        attributes={
            "tool": "search",
            "tries": 3,
            "share": 0.5,
            "huge": 2**70,
            "list": [1],
            "none": Unprintable(),
        },
        context={"user": "ä", "cached": True},
    )
    fail(error, name="work")

    kairos.assert_span(
        "work",
        attributes={
            "error.type": "telemetry.errors.KairosError",
            "error.tool": "search",
            "error.tries": 3,
            "error.share": 0.5,
            "error.huge": str(2**70),
            "error.list": "[1]",
            "error.none": "<Unprintable without a readable text>",
            "error.context.user": "ä",
            "error.context.cached": True,
        },
    )


def test_a_kairos_error_cannot_rename_its_code(kairos):
    error = KairosError("timeout", "late", attributes={"code": "x", "type": "y", "recoverable": "z"})
    fail(error, name="work")

    kairos.assert_span(
        "work",
        attributes={
            "error.code": "timeout",
            "error.recoverable": True,
            "error.type": "telemetry.errors.KairosError",
        },
    )


def test_the_event_is_written_once_while_every_span_fails(kairos):
    error = ValueError("x")
    with pytest.raises(ValueError, match="x"), observe(name="outer"), observe(name="inner"):
        raise error

    kairos.assert_span("inner", status="error", events=["exception"])
    kairos.assert_span("outer", status="error", events=[])
    kairos.assert_error(count=1)


@pytest.mark.kairos(attribute_value_limit=10)
def test_a_long_message_is_cut(kairos):
    fail(ValueError("ä" * 100), name="work")

    span = kairos.span("work")
    assert span.status.description == "ä" * 5
    # On its way out it is cut once more, and counted: tests/faults/test_r08_no_call_raises.py.
    assert set(span.events[0].attributes["exception.message"]) == {"ä"}


def test_an_error_without_text_is_reported_all_the_same(kairos):
    fail(UnprintableError(), name="work")

    span = kairos.span("work")
    assert span.status.description == "<UnprintableError without a readable text>"
    assert "UnprintableError: <exception str() failed>" in span.events[0].attributes["exception.stacktrace"]


def test_a_span_that_ended_takes_no_error(kairos):
    with observe(name="work") as span:
        pass
    telemetry.record_error_span(span, ValueError("late"))

    kairos.assert_span("work", status="unset", events=[])


def test_an_error_is_written_on_the_current_span(kairos):
    with observe(name="work"):
        telemetry.record_error(ValueError("handled"), component="tool")

    kairos.assert_span("work", status="error", attributes={"component": "tool"}, events=["exception"])


def test_an_error_is_written_on_the_span_that_is_given(kairos):
    with observe(name="outer") as outer, observe(name="inner"):
        telemetry.record_error(ValueError("handled"), span=outer)

    kairos.assert_span("inner", status="unset")
    kairos.assert_span("outer", status="error", events=["exception"])


def test_writing_an_error_on_a_span_does_not_count_it(kairos):
    with observe(name="work") as span:
        telemetry.record_error_span(span, ValueError("handled"))

    kairos.assert_span("work", status="error")
    kairos.assert_error(count=0)


def test_an_unsampled_span_takes_no_error():
    with isolated(traces_sampler_ratio=0, traces_keep_errors=False) as probe:
        with observe(name="work") as span:
            telemetry.record_error(ValueError("handled"))
        assert not span.is_recording()
        probe.assert_error(count=1)
        assert probe.spans == []


def test_what_is_no_exception_is_written_too(kairos):
    with observe(name="work"):
        telemetry.record_error("not an exception")

    span = kairos.span("work")
    assert span.status.description == "not an exception"
    assert span.events[0].attributes["exception.stacktrace"] == "<str without a readable traceback>\n"


@pytest.mark.parametrize(
    ("opted", "events", "logs"),
    [
        ("", ["exception"], 0),
        ("logs", [], 1),
        ("logs/dup", ["exception"], 1),
        ("logs,logs/dup", ["exception"], 1),
    ],
)
def test_the_exception_goes_where_the_variable_says(monkeypatch, opted, events, logs):
    monkeypatch.setenv("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", opted)
    with isolated() as probe:
        with observe(name="outer"):
            fail(TimeoutError("late"), component="llm", name="work")

        span = probe.assert_span("work", status="error", events=events)
        records = [item.log_record for item in probe.logs]
        assert len(records) == logs
        for record in records:
            assert record.event_name == "llm.exception"
            assert record.attributes["exception.type"] == "TimeoutError"
            assert record.attributes["exception.message"] == "late"
            assert record.severity_number.name == "ERROR"
            assert record.span_id == span.context.span_id


def test_the_type_of_an_error_is_its_qualified_class():
    class LocalError(Exception): ...

    assert error_type(ValueError()) == "ValueError"
    assert error_type(LocalError()).endswith(".<locals>.LocalError")


def test_a_class_without_module_is_of_another_type():
    class LocalError(Exception): ...

    LocalError.__module__ = None  # type: ignore[assignment]  # hostile on purpose

    assert error_type(LocalError()) == "_OTHER"


def test_an_error_outside_of_any_span_is_only_counted(kairos):
    telemetry.record_error(ValueError("x"))

    assert trace.get_current_span() is trace.INVALID_SPAN
    kairos.assert_error(count=1)
    assert kairos.spans == []
