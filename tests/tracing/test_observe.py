# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import functools
import inspect
import types
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace

import telemetry
from telemetry import observe
from telemetry.pipeline.handle import HANDLE
from telemetry.tracing.scope import SpanScope, SpanSpec


def current_name() -> str:
    return getattr(trace.get_current_span(), "name", "")


@observe("tool", name="early", size=3)
def decorated_before_init(value: int, *, factor: int = 2) -> int:
    """Words."""
    return value * factor


async def plain_coroutine() -> str:
    return current_name()


def test_a_function_runs_in_a_span(kairos):
    @observe("tool", name="work", size=3)
    def work() -> str:
        return current_name()

    assert work() == "work"
    span = kairos.assert_span("work", attributes={"component": "tool", "size": 3}, status="unset", events=[])
    assert span.kind is trace.SpanKind.INTERNAL
    assert current_name() == ""


def test_a_function_decorated_before_init_is_observed_after_it(kairos):
    assert decorated_before_init(2) == 4

    kairos.assert_span("early", attributes={"component": "tool", "size": 3})


def test_nothing_changes_while_no_pipeline_is_active():
    assert decorated_before_init(2, factor=3) == 6
    assert asyncio.run(observe()(plain_coroutine)()) == ""


def test_the_name_is_the_functions_qualified_one(kairos):
    @observe()
    def work() -> None: ...

    work()

    kairos.assert_span("test_the_name_is_the_functions_qualified_one.<locals>.work")


def test_without_component_there_is_no_such_attribute(kairos):
    @observe(name="work")
    def work() -> None: ...

    work()

    assert dict(kairos.span("work").attributes) == {}


def test_name_documentation_and_signature_stay():
    assert decorated_before_init.__name__ == "decorated_before_init"
    assert decorated_before_init.__doc__ == "Words."
    assert list(inspect.signature(decorated_before_init).parameters) == ["value", "factor"]


def test_the_kind_of_function_stays():
    async def coroutine() -> None: ...
    def generator():
        yield

    async def async_generator():
        yield

    assert inspect.iscoroutinefunction(observe()(coroutine))
    assert inspect.isgeneratorfunction(observe()(generator))
    assert inspect.isasyncgenfunction(observe()(async_generator))
    assert not inspect.iscoroutinefunction(observe()(lambda: None))


def test_what_a_function_raises_is_recorded_and_goes_on_unchanged(kairos):
    error = TimeoutError("late")

    @observe("llm", name="work")
    def work() -> None:
        raise error

    with pytest.raises(TimeoutError) as caught:
        work()

    assert caught.value is error
    kairos.assert_error("timeout", "llm", True)
    kairos.assert_span("work", status="error", events=["exception"], attributes={"error.code": "timeout"})


def test_a_coroutine_function_runs_in_a_span(kairos):
    assert asyncio.run(observe(name="work")(plain_coroutine)()) == "work"

    kairos.assert_span("work", status="unset")


def test_what_a_coroutine_raises_is_recorded(kairos):
    @observe("llm", name="work")
    async def work() -> None:
        raise TimeoutError("late")

    with pytest.raises(TimeoutError):
        asyncio.run(work())

    kairos.assert_error("timeout", "llm")
    kairos.assert_span("work", status="error")


def test_a_cancelled_task_is_no_error(kairos):
    @observe("llm", name="work")
    async def work(started: asyncio.Event) -> None:
        started.set()
        await asyncio.Event().wait()

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(work(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    kairos.assert_no_errors()
    kairos.assert_span("work", status="unset", events=[])


def test_a_method_is_observed(kairos):
    class Tool:
        @observe("tool", name="run")
        def run(self, value: int) -> tuple[Tool, int]:
            return self, value

        @classmethod
        @observe("tool", name="make")
        def make(cls) -> type[Tool]:
            return cls

        @staticmethod
        @observe("tool", name="help")
        def help() -> str:
            return "help"

    tool = Tool()

    assert (tool.run(1), Tool.make(), tool.help()) == ((tool, 1), Tool, "help")
    assert [span.name for span in kairos.spans] == ["run", "make", "help"]


def test_a_bound_method_is_observed(kairos):
    class Tool:
        async def run(self) -> str:
            return current_name()

    assert asyncio.run(observe(name="run")(Tool().run)()) == "run"


def test_a_partial_is_observed_under_its_functions_name(kairos):
    async def add(one: int, other: int) -> int:
        return one + other

    observed = observe()(functools.partial(functools.partial(add, 1), 2))

    assert asyncio.run(observed()) == 3
    assert kairos.spans[0].name.endswith("<locals>.add")


def test_a_callable_object_is_observed_under_its_class_name(kairos):
    class Work:
        async def __call__(self) -> str:
            return current_name()

    observed = observe()(Work())

    assert asyncio.run(observed()).endswith("<locals>.Work")


def test_a_built_in_function_is_observed(kairos):
    assert observe("tool")(len)([1, 2]) == 2

    kairos.assert_span("len")


def test_a_generator_that_is_awaited_is_observed_as_a_coroutine(kairos):
    @observe(name="work")
    @types.coroutine
    def work():
        yield from asyncio.sleep(0).__await__()
        return current_name()

    async def main() -> str:
        return await work()

    assert asyncio.run(main()) == "work"


def test_concurrent_calls_in_threads_have_spans_of_their_own(kairos):
    @observe(name="work")
    def work(number: int) -> int:
        return trace.get_current_span().get_span_context().span_id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(200)))

    assert len(set(ids)) == 200
    assert {span.parent for span in kairos.spans} == {None}


def test_concurrent_tasks_have_spans_of_their_own(kairos):
    @observe(name="child")
    async def child() -> int:
        await asyncio.sleep(0)
        return trace.get_current_span().get_span_context().span_id

    @observe(name="parent")
    async def parent() -> None:
        await asyncio.gather(*(child() for _ in range(10)))

    asyncio.run(parent())

    root = kairos.span("parent").context.span_id
    children = [span for span in kairos.spans if span.name == "child"]
    assert len(children) == 10
    assert {span.parent.span_id for span in children} == {root}


# -- as a block --------------------------------------------------------------------------------


def test_a_block_runs_in_a_span(kairos):
    with observe("tool", name="block", size=1) as span:
        assert trace.get_current_span() is span
        span.set_attribute("late", 2)

    kairos.assert_span("block", attributes={"component": "tool", "size": 1, "late": 2}, status="unset")


@pytest.mark.parametrize(
    ("arguments", "name"), [({"component": "tool"}, "tool"), ({}, "observe"), ({"name": "n"}, "n")]
)
def test_a_block_is_named_by_name_or_component(kairos, arguments, name):
    with observe(**arguments):
        pass

    assert [span.name for span in kairos.spans] == [name]


def test_an_async_block_runs_in_a_span(kairos):
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with observe("llm", name="block"):
                raise TimeoutError("late")

    asyncio.run(main())

    kairos.assert_error("timeout", "llm")
    kairos.assert_span("block", status="error")


def test_blocks_of_one_observation_may_be_nested(kairos):
    observation = observe(name="block")
    with observation as outer, observation as inner:
        assert inner.parent.span_id == outer.context.span_id

    assert len(kairos.spans) == 2


def test_a_block_that_outlives_its_pipeline_ends_quietly():
    block = observe("tool")
    with telemetry.init("tests", exporter="memory"):
        span = block.__enter__()
    block.__exit__(None, None, None)

    assert not span.is_recording()


def test_attributes_that_cannot_be_read_cost_themselves_only(kairos):
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with observe("tool", name="block", odd=Unprintable()) as span:
        assert span.is_recording()

    kairos.assert_span("block", status="unset")
    assert kairos.value("kairos.telemetry.dropped", reason="recording_failed") == 1


def test_leaving_a_block_twice_changes_nothing(kairos):
    scope = SpanScope(HANDLE, SpanSpec("block"))
    with scope:
        pass
    scope.close(None)

    assert len(kairos.spans) == 1


def test_leaving_a_block_that_was_never_entered_does_nothing(kairos):
    telemetry.observe(component="tool").__exit__(None, None, None)

    assert kairos.spans == []
