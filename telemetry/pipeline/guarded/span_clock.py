# SPDX-License-Identifier: Apache-2.0
"""The time of spans: one look at the wall clock per local root, and the monotonic clock from then on.

A wall clock jumps: it is set, slewed, or wrong until the network is there. Times of one trace that were
taken before and after a jump make durations that are negative or hours long. So the first span of a
trace in this process notes how far wall and monotonic clock are apart, and it and everything below it
measure by that.
"""

from __future__ import annotations

from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SpanClock"]


class SpanClock:
    """The two clocks that spans go by.

    Attributes:
        wall: Unix nanoseconds.
        monotonic: Nanoseconds that never go back.
    """

    __slots__ = ("monotonic", "wall")

    def __init__(
        self, wall: Callable[[], int] = time_ns, monotonic: Callable[[], int] = monotonic_ns
    ) -> None:
        self.wall = wall
        self.monotonic = monotonic

    def offset_ns(self) -> int:
        """Returns what to add to the monotonic clock to get Unix nanoseconds, as things stand."""
        return self.wall() - self.monotonic()
