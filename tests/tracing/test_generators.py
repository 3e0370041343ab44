# SPDX-License-Identifier: Apache-2.0
"""Observed generators: the span covers the whole life, and the protocol is exactly Python's own."""

from __future__ import annotations

import asyncio
import gc

import pytest
from opentelemetry import trace

from telemetry import observe
from telemetry.testing import isolated


def current_name() -> str:
    return getattr(trace.get_current_span(), "name", "")


@pytest.fixture(params=["observed", "no pipeline"])
def maybe_active(request):
    """The protocol of a generator must be the same with a pipeline and without."""
    if request.param == "no pipeline":
        yield None
        return
    with isolated() as probe:
        yield probe


# -- the protocol ------------------------------------------------------------------------------


@observe("tool", name="echo")
def echo():
    """Yields what it is sent; what is thrown in it yields as text, once; returns what it got."""
    got = []
    value = "first"
    while value != "stop":
        try:
            value = yield value
        except ValueError as error:
            value = f"caught {error}"
        got.append(value)
    return got


def test_items_arrive_in_order(maybe_active):
    @observe(name="count")
    def count(to: int):
        yield from range(to)

    assert list(count(3)) == [0, 1, 2]


def test_what_is_sent_arrives(maybe_active):
    generator = echo()

    assert [next(generator), generator.send("a"), generator.send("b")] == ["first", "a", "b"]


def test_what_is_thrown_arrives(maybe_active):
    generator = echo()
    next(generator)

    assert generator.throw(ValueError("x")) == "caught x"
    assert generator.send("a") == "a"


def test_what_is_thrown_and_not_caught_comes_back(maybe_active):
    generator = echo()
    next(generator)
    error = KeyError("x")

    with pytest.raises(KeyError) as caught:
        generator.throw(error)
    assert caught.value is error


def test_the_value_is_returned(maybe_active):
    generator = echo()
    next(generator)
    generator.send("a")

    with pytest.raises(StopIteration) as caught:
        generator.send("stop")
    assert caught.value.value == ["a", "stop"]


def test_closing_runs_the_bodys_clean_up(maybe_active):
    cleaned = []

    @observe(name="work")
    def work():
        try:
            yield 1
        finally:
            cleaned.append(True)

    generator = work()
    next(generator)
    generator.close()

    assert cleaned == [True]
    assert list(generator) == []


def test_a_body_that_ignores_being_closed_is_told_so(maybe_active):
    @observe(name="work")
    def work():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    generator = work()
    next(generator)
    with pytest.raises(RuntimeError, match=r"^generator ignored GeneratorExit$"):
        generator.close()


def test_a_body_may_answer_a_thrown_generator_exit(maybe_active):
    @observe(name="work")
    def work():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    generator = work()
    next(generator)

    assert generator.throw(GeneratorExit) == 2


def test_a_stop_iteration_raised_in_the_body_is_a_runtime_error(maybe_active):
    @observe(name="work")
    def work():
        yield 1
        raise StopIteration

    with pytest.raises(RuntimeError, match=r"^generator raised StopIteration$"):
        list(work())


def test_an_observed_generator_can_be_delegated_to(maybe_active):
    def outer():
        return (yield from echo())

    generator = outer()
    next(generator)
    generator.send("a")
    with pytest.raises(StopIteration) as caught:
        generator.send("stop")
    assert caught.value.value == ["a", "stop"]


# -- the span ----------------------------------------------------------------------------------


@observe("tool", name="work")
def work():
    yield current_name()
    yield current_name()


def test_the_span_covers_the_whole_life(kairos):
    generator = work()
    assert kairos.spans == []
    next(generator)
    next(generator)
    assert kairos.spans == []
    assert list(generator) == []

    kairos.assert_span("work", attributes={"component": "tool"}, status="unset")


def test_a_generator_that_is_never_started_has_no_span(kairos):
    work().close()

    assert kairos.spans == []


def test_the_span_is_current_in_the_body_and_not_between_yields(kairos):
    with observe(name="caller"):
        for inside in work():
            assert inside == "work"
            assert current_name() == "caller"

    assert kairos.span("work").parent.span_id == kairos.span("caller").context.span_id


def test_a_span_opened_in_the_body_is_current_across_yields_in_the_body_only(kairos):
    @observe(name="outer")
    def outer():
        with observe(name="inner"):
            yield current_name()
            yield current_name()
        yield current_name()

    seen = []
    for inside in outer():
        seen.append(inside)
        assert current_name() == ""

    assert seen == ["inner", "inner", "outer"]
    assert kairos.span("inner").parent.span_id == kairos.span("outer").context.span_id


def test_two_generators_in_turn_keep_their_own_current_span(kairos):
    one, other = observe(name="one")(work.__wrapped__)(), observe(name="other")(work.__wrapped__)()

    assert [next(one), next(other), next(one), next(other)] == ["one", "other", "one", "other"]


def test_what_the_body_raises_is_recorded(kairos):
    @observe("tool", name="work")
    def failing():
        yield 1
        raise TimeoutError("late")

    with pytest.raises(TimeoutError):
        list(failing())

    kairos.assert_error("timeout", "tool")
    kairos.assert_span("work", status="error", events=["exception"])


def test_dropping_a_generator_early_is_no_error(kairos):
    generator = work()
    next(generator)
    del generator
    gc.collect()

    kairos.assert_no_errors()
    kairos.assert_span("work", status="unset")


def test_closing_a_generator_is_no_error(kairos):
    generator = work()
    next(generator)
    generator.close()

    kairos.assert_no_errors()
    kairos.assert_span("work", status="unset")


def test_an_exemplar_of_a_generators_error_is_the_generators_span(kairos):
    @observe("tool", name="failing")
    def failing():
        yield 1
        raise TimeoutError("late")

    with observe(name="caller"), pytest.raises(TimeoutError):
        list(failing())

    (cell,) = kairos.telemetry._counts.total.cells()
    assert cell.exemplar.span_id == kairos.span("failing").context.span_id


# -- async -------------------------------------------------------------------------------------


@observe("tool", name="echo")
async def async_echo():
    value = "first"
    while value != "stop":
        await asyncio.sleep(0)
        try:
            value = yield value
        except ValueError as error:
            value = f"caught {error}"


def test_async_items_arrive_in_order(maybe_active):
    @observe(name="count")
    async def count(to: int):
        for number in range(to):
            await asyncio.sleep(0)
            yield number

    async def main():
        return [item async for item in count(3)]

    assert asyncio.run(main()) == [0, 1, 2]


def test_what_is_sent_to_and_thrown_into_an_async_generator_arrives(maybe_active):
    async def main():
        generator = async_echo()
        got = [
            await anext(generator),
            await generator.asend("a"),
            await generator.athrow(ValueError("x")),
        ]
        with pytest.raises(KeyError, match="y"):
            await generator.athrow(KeyError("y"))
        return got

    assert asyncio.run(main()) == ["first", "a", "caught x"]


def test_an_async_generator_ends(maybe_active):
    async def main():
        generator = async_echo()
        await anext(generator)
        with pytest.raises(StopAsyncIteration):
            await generator.asend("stop")

    asyncio.run(main())


def test_closing_an_async_generator_awaits_the_bodys_clean_up(maybe_active):
    cleaned = []

    @observe(name="work")
    async def closing():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            cleaned.append(current_name())

    async def main():
        generator = closing()
        await anext(generator)
        await generator.aclose()

    asyncio.run(main())

    assert cleaned == ["work" if maybe_active else ""]


def test_an_async_body_that_ignores_being_closed_is_told_so(maybe_active):
    @observe(name="work")
    async def stubborn():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    async def main():
        generator = stubborn()
        await anext(generator)
        with pytest.raises(RuntimeError, match=r"^async generator ignored GeneratorExit$"):
            await generator.aclose()

    asyncio.run(main())


def test_the_span_of_an_async_generator_is_not_the_callers(kairos):
    @observe(name="outer")
    async def outer():
        with observe(name="inner"):
            yield current_name()
            await asyncio.sleep(0)
            yield current_name()
        yield current_name()

    async def main():
        seen = []
        async for inside in outer():
            seen.append(inside)
            assert current_name() == ""
        return seen

    assert asyncio.run(main()) == ["inner", "inner", "outer"]
    kairos.assert_span("outer", status="unset")


def test_what_an_async_body_raises_is_recorded(kairos):
    @observe("llm", name="work")
    async def failing():
        yield 1
        raise TimeoutError("late")

    async def main():
        with pytest.raises(TimeoutError):
            async for _ in failing():
                pass

    asyncio.run(main())

    kairos.assert_error("timeout", "llm")
    kairos.assert_span("work", status="error")


def test_breaking_out_of_an_async_generator_is_no_error(kairos):
    async def main():
        async for _ in async_echo():
            break

    asyncio.run(main())
    gc.collect()

    kairos.assert_no_errors()
    kairos.assert_span("echo", status="unset")


def test_cancelling_a_task_in_an_async_generator_is_no_error(kairos):
    @observe("llm", name="work")
    async def waiting(started: asyncio.Event):
        started.set()
        await asyncio.Event().wait()
        yield 1

    async def consume(started: asyncio.Event) -> None:
        async for _ in waiting(started):
            pass

    async def main():
        started = asyncio.Event()
        task = asyncio.create_task(consume(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    kairos.assert_no_errors()
    kairos.assert_span("work", status="unset")
