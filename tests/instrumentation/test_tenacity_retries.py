# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest
import stamina
import tenacity
from support.flaky import Flaky
from tenacity.asyncio import AsyncRetrying

from telemetry import observe
from telemetry.instrumentation import TenacityInstrumentor

THREE = tenacity.stop_after_attempt(3)
RESET = ("tool_failure", "tool", "true")
LATE = ("timeout", "agent", "true")


def by_decorator(work, **policy):
    return tenacity.retry(**policy)(work.__call__)()


def by_object(work, **policy):
    return tenacity.Retrying(**policy)(work)


def by_block(work, **policy):
    for attempt in tenacity.Retrying(**policy):
        with attempt:
            result = work()
    return result


def by_returning_block(work, **policy):
    for attempt in tenacity.Retrying(**policy):
        with attempt:
            return work()
    raise AssertionError


def by_async_decorator(work, **policy):
    return asyncio.run(tenacity.retry(**policy)(work.later)())


def by_async_object(work, **policy):
    async def main():
        return await AsyncRetrying(**policy)(work.later)

    return asyncio.run(main())


def by_async_block(work, **policy):
    async def main():
        async for attempt in AsyncRetrying(**policy):
            with attempt:
                result = await work.later()
        return result

    return asyncio.run(main())


WAYS = [
    by_decorator,
    by_object,
    by_block,
    by_returning_block,
    by_async_decorator,
    by_async_object,
    by_async_block,
]


@pytest.fixture(autouse=True)
def _instrumented(instrument):
    instrument(TenacityInstrumentor)


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def retried(request):
    return request.param


def test_failed_attempts_are_errors_and_what_works_after_them_recoveries(retried, reported):
    work = Flaky(ConnectionResetError("1"), TimeoutError("2"))

    assert retried(work, stop=THREE) == "done"
    assert work.calls == 3
    assert reported.errors == reported.recovered == {RESET: 1, LATE: 1}


def test_what_works_at_once_is_nothing(retried, reported):
    assert retried(Flaky(), stop=THREE) == "done"
    assert reported.errors == reported.recovered == {}


@pytest.mark.parametrize("reraise", [True, False])
def test_giving_up_counts_every_attempt_and_recovers_none(retried, reraise, reported):
    work = Flaky(*(TimeoutError(str(number)) for number in range(4)))

    with pytest.raises(TimeoutError if reraise else tenacity.RetryError), observe("outer"):
        retried(work, stop=THREE, reraise=reraise)

    assert list(reported.errors.values()) == [3]
    assert reported.recovered == {}


def test_an_error_that_is_not_to_be_retried_passes_through_uncounted(retried, reported):
    work = Flaky(TimeoutError("1"), KeyError("2"))

    with pytest.raises(KeyError):
        retried(work, stop=THREE, retry=tenacity.retry_if_exception_type(TimeoutError))

    assert [code for code, _, _ in reported.errors] == ["timeout"]
    assert reported.recovered == {}


def test_an_error_counted_further_in_is_counted_and_recovered_as_that(reported):
    work = observe("tool.search")(Flaky(TimeoutError("1")).__call__)

    assert tenacity.Retrying(stop=THREE)(work) == "done"
    assert reported.errors == reported.recovered == {("timeout", "tool.search", "true"): 1}


def test_a_value_instead_of_the_last_error_is_a_recovery(reported):
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(2), retry_error_callback=lambda state: "plan b"
    )

    assert retrying(Flaky(TimeoutError("1"), TimeoutError("2"))) == "plan b"
    assert list(reported.errors.values()) == list(reported.recovered.values()) == [2]


def test_a_result_that_is_retried_is_no_error(reported):
    results = iter([1, 2])
    retrying = tenacity.Retrying(retry=tenacity.retry_if_result(lambda result: result == 1))

    assert retrying(lambda: next(results)) == 2
    assert reported.errors == {}


def test_asking_for_another_attempt_is_no_error_but_its_cause_is(reported):
    def again(cause):
        error = tenacity.TryAgain()
        error.__cause__ = cause
        return error

    assert tenacity.Retrying()(Flaky(again(None), again(TimeoutError("1")))) == "done"
    assert list(reported.errors.values()) == list(reported.recovered.values()) == [1]


def test_a_cancellation_is_no_error(reported):
    async def main():
        with pytest.raises(asyncio.CancelledError):
            await AsyncRetrying(stop=THREE, reraise=True)(Flaky(asyncio.CancelledError()).later)

    asyncio.run(main())

    assert reported.errors == {}


def test_loops_of_stamina_are_left_to_its_own_instrumentor(reported):
    work = Flaky(TimeoutError("1"))

    assert stamina.retry(on=TimeoutError, wait_initial=0, wait_jitter=0)(work.__call__)() == "done"
    assert reported.errors == {}


@pytest.mark.parametrize(
    "component", ["search", lambda error: "search" if error.args else None], ids=["text", "function"]
)
def test_the_component_can_be_given(component, instrument, reported):
    TenacityInstrumentor().uninstrument()
    instrument(TenacityInstrumentor, component=component)

    tenacity.Retrying()(Flaky(TimeoutError("1")))

    assert reported.errors == reported.recovered == {("timeout", "search", "true"): 1}


def test_uninstrument_restores_the_library(retried, reported):
    ours = tenacity.BaseRetrying.iter, AsyncRetrying.iter, tenacity.AttemptManager.__exit__
    TenacityInstrumentor().uninstrument()
    theirs = tenacity.BaseRetrying.iter, AsyncRetrying.iter, tenacity.AttemptManager.__exit__

    assert [method.__wrapped__ for method in ours] == list(theirs)
    assert retried(Flaky(TimeoutError("1"))) == "done"
    assert reported.errors == {}


def test_retries_work_as_before_where_nothing_is_recorded(retried):
    assert retried(Flaky(TimeoutError("1"))) == "done"
