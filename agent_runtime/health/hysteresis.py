# SPDX-License-Identifier: Apache-2.0
"""From results of checks to a status that does not flicker."""

from __future__ import annotations

from telemetry import HealthStatus

__all__ = ["Hysteresis"]


class Hysteresis:
    """A status that takes several results in a row to change for good, and is DEGRADED in between.

    The first result of all settles it at once as far as it can: one success is HEALTHY, since
    nothing bad is known; one failure is DEGRADED, or UNHEALTHY if one is enough.

    Args:
        failures: Failures in a row that make it UNHEALTHY.
        successes: Successes in a row that make it HEALTHY again.

    Attributes:
        status: The status; None while there was no result.

    Raises:
        ValueError: A number is below 1.
    """

    __slots__ = ("_failed", "_failures", "_successes", "_worked", "status")

    def __init__(self, failures: int, successes: int) -> None:
        for name, value in (("failures", failures), ("successes", successes)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}={value!r}: allowed are whole numbers from 1 upwards.")
        self._failures = failures
        self._successes = successes
        self._failed = 0  # in a row
        self._worked = 0
        self.status: HealthStatus | None = None

    def take(self, *, is_success: bool) -> HealthStatus:
        """Takes one result and returns the status after it."""
        if is_success:
            self._failed, self._worked = 0, self._worked + 1
            is_settled = self._worked >= self._successes or self.status in (None, HealthStatus.HEALTHY)
            self.status = HealthStatus.HEALTHY if is_settled else HealthStatus.DEGRADED
        else:
            self._failed, self._worked = self._failed + 1, 0
            is_settled = self._failed >= self._failures or self.status is HealthStatus.UNHEALTHY
            self.status = HealthStatus.UNHEALTHY if is_settled else HealthStatus.DEGRADED
        return self.status
