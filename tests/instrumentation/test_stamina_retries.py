# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest
import stamina
from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks
from support.flaky import Flaky

from telemetry.instrumentation import StaminaInstrumentor, TenacityInstrumentor

POLICY = {"attempts": 3, "wait_initial": 0, "wait_max": 0, "wait_jitter": 0}


def by_decorator(work, on):
    return stamina.retry(on=on, **POLICY)(work.__call__)()


def by_block(work, on):
    for attempt in stamina.retry_context(on=on, **POLICY):
        with attempt:
            result = work()
    return result


def by_caller(work, on):
    return stamina.RetryingCaller(**POLICY)(on, work)


def by_async_decorator(work, on):
    return asyncio.run(stamina.retry(on=on, **POLICY)(work.later)())


def by_async_block(work, on):
    async def main():
        async for attempt in stamina.retry_context(on=on, **POLICY):
            with attempt:
                result = await work.later()
        return result

    return asyncio.run(main())


def by_async_caller(work, on):
    return asyncio.run(stamina.AsyncRetryingCaller(**POLICY)(on, work.later))


@pytest.fixture(autouse=True)
def _quiet_hooks():
    before = get_on_retry_hooks()
    set_on_retry_hooks([])
    yield
    set_on_retry_hooks(before)


@pytest.fixture(
    params=[by_decorator, by_block, by_caller, by_async_decorator, by_async_block, by_async_caller]
)
def retried(request, instrument):
    instrument(StaminaInstrumentor)
    return request.param


def test_failed_attempts_are_errors_and_what_works_after_them_recoveries(retried, reported):
    assert retried(Flaky(TimeoutError("1"), TimeoutError("2")), TimeoutError) == "done"
    assert list(reported.errors.values()) == [2]
    assert reported.recovered == reported.errors


def test_beside_tenacitys_instrumentor_everything_still_counts_once(retried, instrument, reported):
    instrument(TenacityInstrumentor)

    assert retried(Flaky(TimeoutError("1"), TimeoutError("2")), TimeoutError) == "done"
    assert list(reported.errors.values()) == list(reported.recovered.values()) == [2]


def test_giving_up_counts_every_attempt_and_recovers_none(retried, reported):
    with pytest.raises(TimeoutError, match=r"^2$"):
        retried(Flaky(*(TimeoutError(str(number)) for number in range(4))), TimeoutError)

    assert list(reported.errors.values()) == [3]
    assert reported.recovered == {}


def test_an_error_that_is_not_to_be_retried_passes_through_uncounted(retried, reported):
    with pytest.raises(KeyError):
        retried(Flaky(KeyError("1")), TimeoutError)

    assert reported.errors == {}


def test_hooks_stay_as_they_are(instrument, reported):
    told = []
    set_on_retry_hooks([told.append])
    instrument(StaminaInstrumentor, component="search")

    assert by_decorator(Flaky(TimeoutError("1")), TimeoutError) == "done"
    assert len(told) == 1
    assert reported.errors == {("timeout", "search", "true"): 1}


def test_uninstrumented_in_another_order_each_stops_alone(instrument, reported):
    instrument(StaminaInstrumentor)
    instrument(TenacityInstrumentor)
    StaminaInstrumentor().uninstrument()

    assert by_decorator(Flaky(TimeoutError("1")), TimeoutError) == "done"
    assert by_async_block(Flaky(TimeoutError("1")), TimeoutError) == "done"
    assert reported.errors == {}
