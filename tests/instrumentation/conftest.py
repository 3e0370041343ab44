# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.testing import TelemetryProbe


class Reported:
    """The exact values of our instruments."""

    def __init__(self, probe: TelemetryProbe) -> None:
        self._probe = probe

    @property
    def errors(self) -> dict[tuple[str, str, str], float]:
        return self._counts("kairos.errors.total")

    @property
    def recovered(self) -> dict[tuple[str, str, str], float]:
        return self._counts("kairos.errors.recovered")

    @property
    def circuits(self) -> dict[str, float]:
        return self._states("kairos.circuitbreaker.state")

    @property
    def health(self) -> dict[str, float]:
        return self._states("kairos.health.status")

    def _counts(self, metric: str) -> dict[tuple[str, str, str], float]:
        return {
            tuple(point.attributes[name] for name in ("error.code", "component", "recoverable")): point.value
            for point in self._probe.metrics()
            if point.name == metric and point.value
        }

    def _states(self, metric: str) -> dict[str, float]:
        return {
            point.attributes["component"]: point.value
            for point in self._probe.metrics()
            if point.name == metric
        }


@pytest.fixture
def reported(kairos: TelemetryProbe) -> Reported:
    return Reported(kairos)


@pytest.fixture
def instrument() -> Iterator[Callable[..., None]]:
    """Instruments until the end of the test."""
    active: list[Any] = []

    def start(instrumentor: type, **settings: object) -> None:
        active.append(instrumentor())
        active[-1].instrument(**settings)

    yield start
    for each in reversed(active):
        if each.is_instrumented_by_opentelemetry:
            each.uninstrument()
