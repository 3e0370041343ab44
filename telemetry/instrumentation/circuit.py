# SPDX-License-Identifier: Apache-2.0
"""Somebody else's circuit breaker as our circuit state and health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.metrics.states import CircuitState, HealthStatus
from telemetry.pipeline.recording import set_circuit_state, set_health

if TYPE_CHECKING:
    from collections.abc import Callable

    NamedComponent = str | Callable[[str], str] | None

__all__ = ["component_of", "report_circuit"]

_HEALTH = {
    CircuitState.OPEN: HealthStatus.UNHEALTHY,
    CircuitState.HALF_OPEN: HealthStatus.DEGRADED,
    CircuitState.CLOSED: HealthStatus.HEALTHY,
}


def report_circuit(component: str, state: CircuitState) -> None:
    """Reports a breaker's state, and what it means for the health of what is behind it."""
    set_circuit_state(component, state)
    set_health(component, _HEALTH[state])


def component_of(name: str, component: NamedComponent) -> str:
    """Returns the component that a breaker of that name stands before: as configured, else its name."""
    if component is None:
        return name
    return component(name) if callable(component) else component
