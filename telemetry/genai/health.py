# SPDX-License-Identifier: Apache-2.0
"""Health where nobody says how a component is: by the share of its calls that fail."""

from __future__ import annotations

from collections import deque

from telemetry.metrics.states import HealthStatus

__all__ = ["ErrorRatio"]

_WINDOW_NS = 60 * 1_000_000_000
_MOST_CALLS = 256
_FEWEST_CALLS = 5
_DEGRADED = 0.1
_UNHEALTHY = 0.5


class ErrorRatio:
    """The latest calls of one component: of the last minute, at most 256.

    Below five calls nothing is said. From a tenth of failures on a component is degraded, from a half on
    unhealthy.
    """

    def __init__(self) -> None:
        self._calls: deque[tuple[int, bool]] = deque(maxlen=_MOST_CALLS)

    def add(self, end_ns: int, *, has_failed: bool) -> HealthStatus | None:
        """Adds a call and returns how the component is now; None while there are too few calls to say."""
        calls = self._calls
        calls.append((end_ns, has_failed))
        while calls and calls[0][0] < end_ns - _WINDOW_NS:
            calls.popleft()
        if len(calls) < _FEWEST_CALLS:
            return None
        ratio = sum(failed for _, failed in calls) / len(calls)
        if ratio >= _UNHEALTHY:
            return HealthStatus.UNHEALTHY
        return HealthStatus.DEGRADED if ratio >= _DEGRADED else HealthStatus.HEALTHY
