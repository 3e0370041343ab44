# SPDX-License-Identifier: Apache-2.0
"""`kairos.health.status` and `kairos.circuitbreaker.state`, each with its state-set twin.

The gauge carries the number that the seed's queries and alerts compare with. The twin follows
OpenTelemetry's guidance for status metrics: one series per state, 1 for the current one, 0 else.
"""

from __future__ import annotations

from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, cast

from telemetry import conventions as names
from telemetry.metrics.instruments import Gauge
from telemetry.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Observation

    from telemetry.metrics.attributes import Labels
    from telemetry.metrics.limits import Limits
    from telemetry.metrics.publication import Publication

__all__ = ["CircuitState", "HealthStatus", "StateGauge", "circuit_states", "health_states"]


class HealthStatus(IntEnum):
    """How a component is; the number is what `kairos.health.status` shows."""

    UNHEALTHY = 0
    DEGRADED = 1
    HEALTHY = 2


class CircuitState(IntEnum):
    """How a circuit breaker stands; the number is what `kairos.circuitbreaker.state` shows."""

    OPEN = 0
    HALF_OPEN = 1
    CLOSED = 2


class StateGauge:
    """The current state of each component.

    Args:
        states: The states and their numbers.
        gauge: Name, unit and description of the gauge.
        twin: Name of the state-set twin, and of its attribute; None publishes no twin.
        limits: How many components there may be.

    Attributes:
        setters: Component, then state, to a ready call for what was seen before: the fast path.
    """

    def __init__(
        self,
        states: type[IntEnum],
        gauge: tuple[str, str, str],
        twin: tuple[str, str] | None,
        limits: Limits,
    ) -> None:
        self._states = states
        self._gauge = Gauge(*gauge, limits)
        self._twin = twin
        self._limits = limits
        self.setters: dict[object, dict[object, Callable[[], None]]] = {}
        self._told: set[object] = set()

    def set(self, component: object, state: object) -> None:
        """Sets a component's state, given as a member, its number or its name in any case.

        Raises:
            ValueError: There is no such state.
        """
        member = self._member(state)
        component = component if type(component) is str else printable(component)
        cell = self._gauge.bind({names.COMPONENT: component})
        cell.set(member)
        if len(self._told) < self._limits.series:
            self._told.add(component)
        if len(self.setters) > 2 * self._limits.series:
            self.setters.clear()  # an explosion of components: forget the short cuts, the cells stay
        self.setters.setdefault(component, {})[state] = partial(cell.set, member)

    def derive(self, component: str, state: IntEnum) -> None:
        """Sets a component's state as it was derived from something, unless somebody says it with `set`."""
        # Past the limit nobody knows who said what; then nothing is derived.
        if component not in self._told and len(self._told) < self._limits.series:
            self._gauge.bind({names.COMPONENT: component}).set(state)

    def current(self) -> list[tuple[Labels, int]]:
        """Returns (attributes, number) of every component."""
        readings = [(cell.attributes, cell.read()) for cell in self._gauge.cells()]
        return [(dict(attributes), int(value)) for attributes, value in readings if value is not None]

    def publish(self, publication: Publication) -> None:
        """Makes the gauge and its twin visible to whoever collects the publication's meter."""
        self._gauge.publish(publication)
        if self._twin is not None:
            publication.meter.create_observable_up_down_counter(
                self._twin[0],
                [publication.callback(self._twin_observations)],
                names.UNIT_COMPONENTS,
                f"Whether a component is in the state {self._twin[1]} (1) or not (0).",
            )

    def _twin_observations(self, publication: Publication) -> Iterable[Observation]:
        assert self._twin is not None  # noqa: S101 - only published with a twin; tells the type checker
        for attributes, value in self.current():
            for state in self._states:
                labels = {**attributes, self._twin[1]: state.name.lower()}
                yield publication.observation(int(state == value), labels)

    def _member(self, state: object) -> IntEnum:
        try:
            if isinstance(state, str):
                return self._states[state.upper().replace("-", "_")]
            return self._states(cast("int", state))
        except Exception:  # noqa: BLE001 - none of them, or something whose own methods raise
            allowed = ", ".join(f"{member.name} ({member.value})" for member in self._states)
            raise ValueError(
                f"{printable(state)!r} is no {self._states.__name__}; allowed: {allowed}"
            ) from None


def health_states(limits: Limits, *, with_twin: bool) -> StateGauge:
    """Returns `kairos.health.status`."""
    return StateGauge(
        HealthStatus,
        (
            names.HEALTH_STATUS,
            names.UNIT_STATUS,
            "Health of a component: 0 unhealthy, 1 degraded, 2 healthy.",
        ),
        (names.HEALTH_COMPONENT, names.HEALTH_STATE) if with_twin else None,
        limits,
    )


def circuit_states(limits: Limits, *, with_twin: bool) -> StateGauge:
    """Returns `kairos.circuitbreaker.state`."""
    return StateGauge(
        CircuitState,
        (
            names.CIRCUIT_STATE,
            names.UNIT_STATE,
            "Circuit breaker of a component: 0 open, 1 half-open, 2 closed.",
        ),
        (names.CIRCUIT_COMPONENT, names.CIRCUIT_BREAKER_STATE) if with_twin else None,
        limits,
    )
