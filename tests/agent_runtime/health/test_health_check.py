# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import threading

import pytest
from support.waiting import wait_for

from agent_runtime.health.check import Check


class Called:
    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1


async def works() -> str:
    return "well"


async def says_no() -> bool:
    return False


def breaks() -> None:
    raise OSError("no disk")


def test_async_sync_and_objects_are_called():
    called, threads = Called(), []
    sync = (
        lambda: works(),  # noqa: PLW0108 - a plain function that returns an awaitable is what is tested
        lambda: threads.append(threading.current_thread()),
    )
    for function in (works, called, *sync):
        asyncio.run(Check(function).run())
    assert called.count == 1
    assert threads[0].daemon


@pytest.mark.parametrize("function", [says_no, lambda: False])
def test_false_is_a_failure(function):
    with pytest.raises(RuntimeError, match="the check returned False"):
        asyncio.run(Check(function).run())


def test_what_a_function_raises_in_its_thread_comes_out():
    with pytest.raises(OSError, match="no disk"):
        asyncio.run(Check(breaks).run())


def test_a_function_that_hangs_is_not_called_again_and_its_late_result_is_dropped():
    release, calls = threading.Event(), []

    def hangs() -> None:
        calls.append(1)
        release.wait(10)

    async def main() -> None:
        check = Check(hangs)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await check.run()
        with pytest.raises(RuntimeError, match="has not returned yet"):
            await check.run()
        release.set()
        await asyncio.to_thread(wait_for, lambda: not check._is_running, 10.0, "the end of the function")
        await check.run()

    asyncio.run(main())
    assert len(calls) == 2


def test_a_result_after_the_loop_has_ended_goes_nowhere():
    release = threading.Event()
    check = Check(lambda: release.wait(10))

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await check.run()

    asyncio.run(main())
    (thread,) = [each for each in threading.enumerate() if each.name == "kairos-health-check"]
    release.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_function_may_be_called_again_as_soon_as_it_answered():
    check = Check(lambda: True)

    async def main() -> None:
        for _ in range(200):
            await check.run()  # the thread of the call before may not have ended yet

    asyncio.run(main())


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="check=3: allowed is anything that can be called"):
        Check(3)
