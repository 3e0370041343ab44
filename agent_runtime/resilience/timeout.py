# SPDX-License-Identifier: Apache-2.0
"""A limit on how long one attempt, or a whole run, may take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Allowance", "allowance", "within"]

T = TypeVar("T")


class Allowance:
    """Seconds that one or several waits may take together; time between them does not count.

    Belongs to one task.

    Args:
        seconds: How many; None: no limit.
        expired: Makes the error for when they are used up.
    """

    __slots__ = ("_expired", "_left_s")

    def __init__(self, seconds: float | None, expired: Callable[[], Exception]) -> None:
        self._left_s = seconds
        self._expired = expired

    async def spend(self, call: Callable[[], Awaitable[T]]) -> T:
        """Awaits a call for at most the seconds that are left.

        The call is cancelled when they are over, so the limit reaches everything it awaits.

        Args:
            call: What to await.

        Raises:
            Exception: What `expired` makes. A TimeoutError of the call itself goes on unchanged.
        """
        if self._left_s is None:
            return await call()
        clock = asyncio.get_running_loop().time
        started = clock()
        scope = asyncio.timeout(self._left_s)
        try:
            async with scope:
                result = await call()
            self._left_s -= clock() - started
        except TimeoutError:
            if not scope.expired():
                raise
        else:
            return result
        # Raised here, not in the handler: the CancelledError inside asyncio's own would hang on to it.
        raise self._expired()


async def within(timeout_s: float | None, call: Callable[[], Awaitable[T]], what: str) -> T:
    """Awaits a call for at most `timeout_s` seconds; without limit when it is None.

    Args:
        timeout_s: Seconds.
        call: What to await.
        what: What to call it in the error's message.

    Raises:
        TimeoutError: The time was over. A TimeoutError of the call itself goes on unchanged.
    """
    return await allowance(timeout_s, what).spend(call)


def allowance(timeout_s: float | None, what: str) -> Allowance:
    """Returns an allowance whose error says what did not answer.

    Args:
        timeout_s: Seconds; None: no limit.
        what: What to call it in the error's message.
    """
    return Allowance(timeout_s, lambda: TimeoutError(f"{what} did not answer within {timeout_s:g} s"))
