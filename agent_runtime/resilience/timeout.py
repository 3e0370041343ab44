# SPDX-License-Identifier: Apache-2.0
"""A limit on how long one attempt may take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["within"]

T = TypeVar("T")


async def within(timeout_s: float | None, call: Callable[[], Awaitable[T]], what: str) -> T:
    """Awaits a call for at most `timeout_s` seconds; without limit when it is None.

    The call is cancelled when the time is over, so the limit reaches everything it awaits.

    Args:
        timeout_s: Seconds.
        call: What to await.
        what: What to call it in the error's message.

    Raises:
        TimeoutError: The time was over. A TimeoutError of the call itself goes on unchanged.
    """
    if timeout_s is None:
        return await call()
    scope = asyncio.timeout(timeout_s)
    try:
        async with scope:
            return await call()
    except TimeoutError:
        if not scope.expired():
            raise
    # Raised here, not in the handler: the CancelledError inside asyncio's own would hang on to it.
    raise TimeoutError(f"{what} did not answer within {timeout_s:g} s")
