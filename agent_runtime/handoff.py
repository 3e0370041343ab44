# SPDX-License-Identifier: Apache-2.0
"""Work that hands out events while somebody reads them, as an async generator with a context of its own.

A plain async generator would run in its reader's context: spans that it opens would be the
reader's current spans between two events. Here the work is a task of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine

__all__ = ["events_of"]

T = TypeVar("T")


async def events_of(
    work: Callable[[Callable[[T], Awaitable[None]]], Coroutine[object, object, None]],
) -> AsyncGenerator[T, None]:
    """Runs work and yields what it emits.

    The work begins with the first event asked for, and goes on after each only when the next is
    asked for, as a generator's body would. Closing the generator, or cancelling its reader,
    cancels the work and waits until it has ended.

    Args:
        work: Given the function that emits one event.

    Yields:
        Each event, in the order of emission.

    Raises:
        Exception: What the work raised.
        asyncio.CancelledError: The reader or the work was cancelled.
    """
    news: asyncio.Queue[T | None] = asyncio.Queue()
    asked = asyncio.Semaphore(0)

    async def emit(event: T) -> None:
        news.put_nowait(event)
        await asked.acquire()

    task = asyncio.create_task(work(emit))
    task.add_done_callback(lambda _: news.put_nowait(None))
    try:
        while (event := await news.get()) is not None:
            yield event
            asked.release()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # takes its error too: it was raised above
