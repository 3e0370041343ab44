# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from support.virtual_time import run

from agent_runtime.handoff import events_of


def test_the_work_goes_on_only_while_somebody_reads():
    async def read() -> list[object]:
        log: list[object] = []

        async def work(emit) -> None:
            for number in (1, 2):
                log.append(f"emits {number}")
                await emit(number)

        async for number in events_of(work):
            await asyncio.sleep(1.0)
            log.append(f"read {number}")
        return log

    assert run(read()) == ["emits 1", "read 1", "emits 2", "read 2"]


def test_the_works_error_reaches_the_reader():
    async def read() -> None:
        async def work(emit) -> None:
            await emit("one")
            raise KeyError("gone")

        with pytest.raises(KeyError, match="gone"):
            async for _ in events_of(work):
                pass

    run(read())


def test_closing_waits_until_the_work_has_cleaned_up():
    async def read() -> bool:
        cleaned_up = False

        async def work(emit) -> None:
            nonlocal cleaned_up
            try:
                await emit("one")
            finally:
                await asyncio.sleep(1.0)
                cleaned_up = True

        async with aclosing(events_of(work)) as events:
            await anext(events)
        return cleaned_up

    assert run(read())


def test_an_error_while_cleaning_up_after_a_close_is_not_the_readers():
    async def read() -> None:
        async def work(emit) -> None:
            try:
                await emit("one")
            finally:
                raise KeyError("broken clean-up")

        async with aclosing(events_of(work)) as events:
            await anext(events)

    run(read())


def test_a_reader_that_is_cancelled_cancels_the_work():
    async def read() -> bool:
        cancelled = False

        async def work(_emit) -> None:
            nonlocal cancelled
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled = True
                raise

        async def reader() -> None:
            async for _ in events_of(work):
                pass

        task = asyncio.create_task(reader())
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return cancelled

    assert run(read())


def test_events_of_several_tasks_all_arrive():
    async def read() -> list[int]:
        async def work(emit) -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(5):
                    group.create_task(emit(number))

        return [number async for number in events_of(work)]

    assert run(read()) == [0, 1, 2, 3, 4]
