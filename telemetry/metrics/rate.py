# SPDX-License-Identifier: Apache-2.0
"""Events per minute over the last 60 seconds, from running totals.

Recording an event must not pay for this, so totals are sampled once a second; the rate is the
difference between now and the sample that is one minute old.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SAMPLE_SECONDS", "WINDOW_SECONDS", "RateWindow"]

WINDOW_SECONDS = 60.0
SAMPLE_SECONDS = 1.0


class RateWindow:
    """A minute of samples of running totals.

    Args:
        totals: Returns the current total per key.
        clock: Monotonic seconds.
    """

    def __init__(
        self, totals: Callable[[], Mapping[str, float]], clock: Callable[[], float] = monotonic
    ) -> None:
        self._totals = totals
        self._clock = clock
        self._samples: deque[tuple[float, Mapping[str, float]]] = deque([(clock(), {})])

    def sample(self) -> None:
        """Notes the totals of this moment; called about once a second."""
        now = self._clock()
        self._samples.append((now, self._totals()))
        # The newest sample that is a minute old is the base; older ones are of no use.
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW_SECONDS:
            self._samples.popleft()

    def per_minute(self) -> dict[str, float]:
        """Returns events per minute over the last 60 seconds, per key; 0 when there were none."""
        now = self._clock()
        base_time, base = self._base(now - WINDOW_SECONDS)
        # The base may be up to one sample older than a minute; a younger process has none that old.
        scale = 60.0 / max(now - base_time, WINDOW_SECONDS)
        return {key: max(0.0, total - base.get(key, 0)) * scale for key, total in self._totals().items()}

    def _base(self, a_minute_ago: float) -> tuple[float, Mapping[str, float]]:
        samples = list(self._samples)  # one C call: safe beside `sample`
        return next((sample for sample in reversed(samples) if sample[0] <= a_minute_ago), samples[0])
