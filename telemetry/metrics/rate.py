# SPDX-License-Identifier: Apache-2.0
"""Events per minute over the last 60 seconds."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WINDOW_SECONDS", "RateWindow"]

WINDOW_SECONDS = 60.0
_KEPT = 4096


class RateWindow:
    """When the newest events happened.

    Marking an event is one atomic append. Up to 4 096 events per minute the rate is exact; a
    busier window keeps the newest 4 096 and extrapolates from the time they span.

    Args:
        clock: Monotonic seconds.
    """

    __slots__ = ("_clock", "_times", "append")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque(maxlen=_KEPT)
        self.append: Callable[[float], None] = self._times.append

    def mark(self) -> None:
        """Notes that an event happened now."""
        self.append(self._clock())

    def per_minute(self) -> float:
        """Returns events per minute over the last 60 seconds; 0 when there were none."""
        now = self._clock()
        times = list(self._times)  # one C call: safe beside appends
        recent = len(times) - bisect_left(times, now - WINDOW_SECONDS)
        if recent < _KEPT:
            return float(recent)  # the window is one minute long
        span = now - times[0]
        return recent * 60.0 / span if span > 0 else float(recent)
