# SPDX-License-Identifier: Apache-2.0
"""Something else to use when a call has failed for good: another model or tool, or a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["Value", "first_that_works"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Value:
    """A fixed answer for a tool that failed.

    Attributes:
        content: What the model is told instead of the tool's result.
    """

    content: str


async def first_that_works(
    candidates: Sequence[Callable[[], Awaitable[T]]],
    on_fallback: Callable[[Exception, int], None],
    is_final: Callable[[Exception], bool] = lambda _: False,
) -> T:
    """Awaits candidates in order until one works.

    Args:
        candidates: At least one.
        on_fallback: Told the error and the index of the candidate that is tried next.
        is_final: Whether no other candidate can make an error good.

    Returns:
        The first result.

    Raises:
        Exception: The last candidate's error, or the first that is final.
    """
    for index, candidate in enumerate(candidates[:-1], start=1):
        try:
            return await candidate()
        except Exception as error:
            if is_final(error):
                raise
            on_fallback(error, index)
    return await candidates[-1]()
