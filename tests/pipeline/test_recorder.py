# SPDX-License-Identifier: Apache-2.0
"""What is counted as which error, and how often."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging

import pytest

import telemetry
from telemetry import ErrorCode, KairosError, observe
from telemetry.pipeline.handle import HANDLE
from telemetry.testing import isolated


class HostileText(Exception):  # noqa: N818 - what it is hostile with is the point
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class HostileAttributes(Exception):  # noqa: N818 - likewise
    def __getattribute__(self, name: str):
        raise RuntimeError(f"no {name}")


class HostileMeta(type):
    def __getattribute__(cls, name: str):
        raise RuntimeError(f"no {name}")


def hostile_class() -> BaseException:
    class HostileClass(Exception, metaclass=HostileMeta):  # noqa: N818 - likewise
        pass

    return HostileClass()


class HostileEquality(Exception):  # noqa: N818 - likewise
    __hash__ = None  # type: ignore[assignment]  # hostile on purpose

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")


class WithSlots(Exception):  # noqa: N818 - likewise
    __slots__ = ("field",)


class FrozenError(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("frozen")


HOSTILE = [HostileText, HostileAttributes, hostile_class, HostileEquality, WithSlots, FrozenError]


# -- once --------------------------------------------------------------------------------------


def test_an_error_has_code_component_and_recoverability(kairos):
    telemetry.record_error(TimeoutError("late"), component="llm")

    assert (
        kairos.value(
            "kairos.errors.total", {"error.code": "timeout", "component": "llm", "recoverable": "true"}
        )
        == 1
    )


def test_an_error_is_counted_once_however_many_layers_report_it(kairos):
    error = ValueError("x")

    @observe("agent")
    def layers() -> None:
        with observe("llm"), observe("tool"):
            telemetry.record_error(error)
            telemetry.record_error_metric(error)
            raise error

    with pytest.raises(ValueError, match="x"):
        layers()
    telemetry.record_error(error, component="other")

    kairos.assert_error(count=1)


def test_an_error_raised_from_a_counted_one_is_not_another(kairos):
    @observe("agent")
    def agent() -> None:
        try:
            with observe("tool"):
                raise TimeoutError("late")
        except TimeoutError as cause:
            raise RuntimeError("gave up") from cause

    with pytest.raises(RuntimeError):
        agent()

    kairos.assert_error("timeout", "tool", count=1)
    kairos.assert_error(count=1)


def test_an_error_while_handling_a_counted_one_is_another(kairos):
    @observe("agent")
    def agent() -> None:
        try:
            with observe("tool"):
                raise TimeoutError("late")
        except TimeoutError:
            {}["clean up"]

    with pytest.raises(KeyError):
        agent()

    kairos.assert_error(count=2)


def test_the_component_that_saw_the_error_first_has_it(kairos):
    error = TimeoutError("late")
    telemetry.record_error_metric(error, "tool")
    telemetry.record_error_metric(error, "agent")

    kairos.assert_error(component="tool", count=1)
    kairos.assert_error(component="agent", count=0)


@pytest.mark.parametrize("times", [1, 2, 50])
def test_different_errors_of_one_class_are_counted_each(kairos, times):
    for _ in range(times):
        telemetry.record_error_metric(TimeoutError("late"), "llm")

    kairos.assert_error("timeout", "llm", count=times)


def test_an_error_from_a_counted_cause_is_not_counted_on_the_short_way_either(kairos):
    for _ in range(2):
        cause, error = TimeoutError("late"), TimeoutError("gave up")
        error.__cause__ = cause
        telemetry.record_error_metric(cause, "llm")
        telemetry.record_error_metric(error, "llm")

    kairos.assert_error(count=2)


# -- groups ------------------------------------------------------------------------------------


def test_a_group_counts_its_members(kairos):
    telemetry.record_error(
        ExceptionGroup("g", [TimeoutError(), ExceptionGroup("h", [KeyError("k"), TimeoutError()])]),
        component="tool",
    )

    kairos.assert_error("timeout", count=2)
    kairos.assert_error(component="tool", count=3)


def test_a_group_is_counted_once(kairos):
    group = ExceptionGroup("g", [TimeoutError(), KeyError("k")])
    telemetry.record_error(group)
    telemetry.record_error(group)

    kairos.assert_error(count=2)


def test_members_that_were_counted_before_are_not_counted_again(kairos):
    first, second = TimeoutError(), TimeoutError()
    telemetry.record_error(first)
    telemetry.record_error(ExceptionGroup("g", [first, second]))

    kairos.assert_error(count=2)


def test_a_cancellation_in_a_group_is_no_error(kairos):
    telemetry.record_error(BaseExceptionGroup("g", [asyncio.CancelledError(), TimeoutError()]))

    kairos.assert_error(count=1)


def test_the_errors_of_a_task_group_are_counted(kairos):
    @observe("tool")
    async def failing() -> None:
        raise TimeoutError("late")

    @observe("agent", name="agent")
    async def agent() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing())
            group.create_task(asyncio.Event().wait())

    with pytest.raises(ExceptionGroup):
        asyncio.run(agent())

    kairos.assert_error("timeout", "tool", count=1)
    kairos.assert_error(count=1)
    kairos.assert_span("agent", status="error")


# -- what is no error --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [asyncio.CancelledError, concurrent.futures.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit],
)
def test_a_cancellation_is_no_error(kairos, kind):
    with pytest.raises(kind), observe("llm", name="work"):
        raise kind
    telemetry.record_error(kind())
    telemetry.record_error_metric(kind())
    with observe(name="given") as span:
        telemetry.record_error_span(span, kind())
    telemetry.record_recovery(kind())

    kairos.assert_no_errors()
    kairos.assert_recovered(count=0)
    kairos.assert_span("work", status="unset", events=[])


def test_a_group_of_cancellations_is_no_error(kairos):
    telemetry.record_error(BaseExceptionGroup("g", [asyncio.CancelledError(), KeyboardInterrupt()]))

    kairos.assert_no_errors()


# -- recoveries --------------------------------------------------------------------------------


def test_a_recovery_has_the_attributes_of_the_count(kairos):
    error = KairosError("tool_failure", "x", recoverable=False)
    telemetry.record_error(error, component="search")
    telemetry.record_recovery(error)

    labels = {"error.code": "tool_failure", "component": "search", "recoverable": "false"}
    assert kairos.value("kairos.errors.total", labels) == 1
    assert kairos.value("kairos.errors.recovered", labels) == 1


def test_a_recovery_of_a_later_error_has_the_attributes_of_its_counted_cause(kairos):
    cause, error = TimeoutError(), RuntimeError()
    telemetry.record_error(cause, component="llm")
    error.__cause__ = cause
    telemetry.record_recovery(error, "agent")

    kairos.assert_recovered("timeout", "llm", True)


def test_a_recovery_of_a_group_is_one_of_each_member(kairos):
    group = ExceptionGroup("g", [TimeoutError(), KairosError("rate_limit", "x")])
    telemetry.record_error(group, component="llm")
    telemetry.record_recovery(group)

    kairos.assert_recovered("timeout", "llm", count=1)
    kairos.assert_recovered("rate_limit", "llm", count=1)
    kairos.assert_recovered(count=2)


def test_an_error_that_was_never_counted_can_be_recovered(kairos):
    telemetry.record_recovery(TimeoutError(), "llm")

    kairos.assert_recovered("timeout", "llm", True)


@pytest.mark.parametrize(
    ("code", "recoverable"),
    [("timeout", True), (ErrorCode.RATE_LIMIT, True), ("tool_failure", True), ("invalid_input", False)],
)
def test_a_recovery_of_a_code_knows_whether_it_is_recoverable(kairos, code, recoverable):
    telemetry.record_recovery(code, "llm")

    kairos.assert_recovered(code, "llm", recoverable)


def test_a_recovery_of_a_code_is_the_agents_unless_somebody_says_whose(kairos):
    telemetry.record_recovery("timeout")

    kairos.assert_recovered("timeout", "agent")


def test_an_unknown_code_is_reported_and_not_raised(kairos, caplog):
    telemetry.record_recovery("no such code")

    kairos.assert_recovered(count=0)
    assert kairos.value("kairos.telemetry.dropped", reason="recording_failed") == 1
    assert "record_recovery could not record: ValueError (reported once" in caplog.text


# -- classification ----------------------------------------------------------------------------


def test_a_registered_class_changes_later_errors_at_once(kairos):
    class MyError(Exception): ...

    telemetry.record_error(MyError(), component="tool")
    for code in ("timeout", "not_found"):
        telemetry.register_classifier(MyError, code, True)
        telemetry.record_error(MyError(), component="tool")
        telemetry.record_error(MyError(), component="tool")

    kairos.assert_error("internal_error", count=1)
    kairos.assert_error("timeout", recoverable=True, count=2)
    kairos.assert_error("not_found", recoverable=True, count=2)


def test_registering_works_before_init():
    class EarlyError(Exception): ...

    telemetry.register_classifier(EarlyError, "rate_limit", True)
    with isolated() as probe:
        telemetry.record_error(EarlyError())
        probe.assert_error("rate_limit")


def test_classify_works_without_a_pipeline():
    assert telemetry.classify(TimeoutError(), "llm") == (ErrorCode.TIMEOUT, "llm", True)


def test_retry_after_works_without_a_pipeline():
    assert telemetry.retry_after(ValueError()) is None


def test_many_components_and_classes_stay_bounded(kairos):
    for number in range(3000):
        telemetry.record_error_metric(TimeoutError(), f"component {number}")
    recorder = kairos.telemetry.recorder

    assert len(recorder.short_cuts) <= 1024
    for _ in range(1500):
        telemetry.record_error_metric(type("LocalError", (TimeoutError,), {})(), "llm")
    assert len(recorder.short_cuts["llm"]) <= 1024
    kairos.assert_error(count=4500)


@pytest.mark.kairos(cardinality_limit=2)
def test_an_explosion_of_components_loses_no_error(kairos):
    for number in range(20):
        telemetry.record_error(TimeoutError(), component=f"component {number}")

    assert len([point for point in kairos.metrics() if point.name == "kairos.errors.total"]) == 3
    assert kairos.value("kairos.errors.total", {"otel.metric.overflow": True}) == 18
    assert kairos.value("kairos.errors.rate") == 20


# -- never raises ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", HOSTILE)
def test_a_hostile_exception_is_counted_and_never_raises(kairos, make):
    error = make()
    telemetry.record_error(error, component="tool")
    telemetry.record_error_metric(make(), "tool")
    with observe(name="work") as span:
        telemetry.record_error_span(span, error)
    telemetry.record_recovery(error, "tool")

    kairos.assert_error(component="tool", count=2)
    kairos.assert_recovered(count=1)


@pytest.mark.parametrize("make", HOSTILE)
def test_a_hostile_exception_leaves_an_observed_block_as_it_is(kairos, make):
    error = make()
    caught: list[BaseException] = []
    try:
        with observe("tool", name="work"):
            raise error
    except BaseException as leaving:
        caught.append(leaving)

    assert caught[0] is error
    kairos.assert_error(component="tool", count=1)
    assert kairos.span("work").status.status_code.name == "ERROR"


@pytest.mark.parametrize(
    "value", ["text", None, 3, pytest.param(object(), id="object"), [], ValueError], ids=repr
)
def test_what_is_no_exception_counts_as_an_internal_error(kairos, value):
    telemetry.record_error(value, component="tool")
    telemetry.record_error_metric(value, "tool")

    kairos.assert_error("internal_error", "tool", False, count=2)


@pytest.mark.parametrize(
    "component", [5, [], object(), HostileText()], ids=lambda value: type(value).__name__
)
def test_a_component_that_is_no_text_never_raises(kairos, component):
    telemetry.record_error(TimeoutError(), component=component)
    telemetry.record_error_metric(TimeoutError(), component)
    telemetry.record_recovery("timeout", component)

    kairos.assert_error("timeout", count=2)


def test_a_span_that_is_none_never_raises(kairos, caplog):
    telemetry.record_error(TimeoutError(), span="no span")
    telemetry.record_error_span("no span", TimeoutError())

    kairos.assert_error("timeout", count=1)
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


def test_a_failure_of_recording_is_logged_once_and_counted_each_time(kairos, caplog):
    for _ in range(3):
        telemetry.record_recovery("no such code")

    assert len(caplog.records) == 1
    assert kairos.value("kairos.telemetry.dropped", reason="recording_failed") == 3


# -- without a pipeline ------------------------------------------------------------------------


def use_everything() -> None:
    telemetry.record_error(TimeoutError(), component="llm")
    telemetry.record_error_metric(TimeoutError())
    telemetry.record_error_span(None, TimeoutError())
    telemetry.record_recovery("timeout")
    telemetry.set_health("llm", 2)
    telemetry.set_circuit_state("llm", 2)
    with observe("llm"):
        pass
    with (
        telemetry.invoke_agent("a"),
        telemetry.chat("m", provider="p") as chat,
        telemetry.execute_tool("t") as tool,
    ):
        chat.first_chunk()
        chat.response(model="m", input_tokens=1)
        chat.content(input_messages=[])
        tool.content(arguments={})
        tool.set({"a": 1})


def test_everything_is_a_no_op_before_init_and_after_shutdown():
    use_everything()
    with isolated() as probe:
        assert [str(point) for point in probe.metrics()] == ["kairos.errors.rate{} = 0"]
    use_everything()
    with isolated() as probe:
        telemetry.record_error(TimeoutError())
        probe.assert_error(count=1)
        assert probe.spans == []


def test_a_pipeline_that_goes_away_in_the_middle_of_a_call_is_no_failure(kairos, monkeypatch):
    monkeypatch.setattr(HANDLE, "recorder", None)
    telemetry.record_error_metric(TimeoutError())
    telemetry.set_health("llm", 1)
    telemetry.set_circuit_state("llm", 1)
    monkeypatch.undo()

    kairos.assert_error(count=0)


def test_a_failure_of_reporting_leaves_the_observed_error_as_it_is(kairos, monkeypatch):
    def broken(*_arguments) -> None:
        raise RuntimeError("telemetry's own")

    monkeypatch.setattr(kairos.telemetry.recorder, "write", broken)
    with pytest.raises(TimeoutError), observe("llm"):
        raise TimeoutError

    assert kairos.value("kairos.telemetry.dropped", reason="recording_failed") == 1
