# SPDX-License-Identifier: Apache-2.0
"""Running any callable as a check: async on the event loop, sync in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Check"]


class Check:
    """A check made of a callable: it fails by raising, or by returning False.

    A plain function runs in a daemon thread, so that one that hangs stops neither the event loop
    nor the end of the process. It is not called again while it hangs: that counts as a failure.

    Args:
        function: Any callable without arguments, sync or async.

    Raises:
        TypeError: It cannot be called.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        if not callable(function):
            raise TypeError(f"check={function!r}: allowed is anything that can be called without arguments.")
        self._function = function
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(type(function), "__call__", None)  # noqa: B004 - the method itself, not whether it exists
        )
        self._is_running = False  # in its thread; not whether that is alive: it outlives its result a little

    async def run(self) -> None:
        """Runs the check once.

        Raises:
            RuntimeError: It returned False, or the run before still hangs.
            Exception: Whatever it raises.
        """
        result = self._function() if self._is_async else await self._in_thread()
        if inspect.isawaitable(result):  # also `lambda: server.ping()`
            result = await result
        if result is False:
            raise RuntimeError("the check returned False")

    async def _in_thread(self) -> object:
        if self._is_running:
            raise RuntimeError("the check before has not returned yet; give it a timeout of its own")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()
        work = partial(contextvars.copy_context().run, self._work, loop, done)
        # A thread of its own: those of the loop's executor are waited for when the process ends.
        self._is_running = True
        threading.Thread(target=work, name="kairos-health-check", daemon=True).start()
        return await done

    def _work(self, loop: asyncio.AbstractEventLoop, done: asyncio.Future[object]) -> None:
        result: object = None
        error: Exception | None = None
        try:
            result = self._function()
        except Exception as problem:  # noqa: BLE001 - handed over to whoever awaits
            error = problem
        finally:
            self._is_running = False

        def settle() -> None:
            if done.done():  # timed out
                return
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the loop was closed meanwhile: nobody waits
            return
