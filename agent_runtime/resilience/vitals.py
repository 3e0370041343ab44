# SPDX-License-Identifier: Apache-2.0
"""A component's health as its calls and its circuit breaker show it."""

from __future__ import annotations

from telemetry import CircuitState, HealthStatus, get_logger, set_circuit_state, set_health

__all__ = ["Vitals"]

_log = get_logger(__name__)

_HEALTH = {CircuitState.OPEN: HealthStatus.UNHEALTHY, CircuitState.HALF_OPEN: HealthStatus.DEGRADED}


class Vitals:
    """Reports one component's circuit state and health.

    An open breaker is UNHEALTHY, a half-open one DEGRADED. With a closed one the component is
    DEGRADED after a call that failed for good, and HEALTHY after one that worked.

    Every call reports, changed or not: two threads that report at once may then disagree for one
    call, but never for good.

    Args:
        component: The component's name.
    """

    __slots__ = ("_circuit", "_component", "_is_degraded")

    def __init__(self, component: str) -> None:
        self._component = component
        self._circuit = CircuitState.CLOSED
        self._is_degraded = False

    def circuit_is(self, state: CircuitState) -> None:
        """Takes the breaker's state, changed or not; a listener of the breaker."""
        if state is not self._circuit:
            self._circuit = state
            self._is_degraded = False  # what happened before the breaker opened says nothing about now
            _log.warning("%s: circuit breaker is %s", self._component, state.name)
        set_circuit_state(self._component, state)
        self.announce()

    def worked(self) -> None:
        """Takes a call that worked, at whichever attempt."""
        self._is_degraded = False
        self.announce()

    def failed(self) -> None:
        """Takes a call that failed for good."""
        self._is_degraded = True
        self.announce()

    def announce(self) -> None:
        """Reports the health as it is."""
        healthy = HealthStatus.DEGRADED if self._is_degraded else HealthStatus.HEALTHY
        set_health(self._component, _HEALTH.get(self._circuit, healthy))
