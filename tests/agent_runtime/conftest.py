# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry import CircuitState, HealthStatus
from telemetry import conventions as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.testing import TelemetryProbe

Key = tuple[str, str, bool]


class Observed:
    """What the agent reported: exact values of the five instruments, and its spans."""

    def __init__(self, probe: TelemetryProbe) -> None:
        self._probe = probe

    @property
    def errors(self) -> dict[Key, int]:
        """`kairos.errors.total` by (code, component, recoverable)."""
        return self._counts(names.ERRORS_TOTAL)

    @property
    def recovered(self) -> dict[Key, int]:
        """`kairos.errors.recovered` by (code, component, recoverable)."""
        return self._counts(names.ERRORS_RECOVERED)

    @property
    def rate(self) -> float:
        """`kairos.errors.rate` of the whole process."""
        return next(value for labels, value in self._series(names.ERRORS_RATE) if not labels)

    @property
    def health(self) -> dict[str, HealthStatus]:
        """`kairos.health.status` by component."""
        series = self._series(names.HEALTH_STATUS)
        return {str(labels[names.COMPONENT]): HealthStatus(int(value)) for labels, value in series}

    @property
    def circuit(self) -> dict[str, CircuitState]:
        """`kairos.circuitbreaker.state` by component."""
        series = self._series(names.CIRCUIT_STATE)
        return {str(labels[names.COMPONENT]): CircuitState(int(value)) for labels, value in series}

    @property
    def spans(self) -> list[ReadableSpan]:
        """Finished spans, in the order in which they began."""
        return sorted(self._probe.spans, key=lambda span: span.start_time or 0)

    def span(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        return self._probe.span(name)

    def _series(self, metric: str) -> list[tuple[Mapping[str, object], float]]:
        return [(point.attributes, point.value) for point in self._probe.metrics() if point.name == metric]

    def _counts(self, metric: str) -> dict[Key, int]:
        return {
            (
                str(labels[names.ERROR_CODE]),
                str(labels[names.COMPONENT]),
                labels[names.RECOVERABLE] == "true",
            ): int(value)
            for labels, value in self._series(metric)
        }


@pytest.fixture
def observed(kairos: TelemetryProbe) -> Observed:
    return Observed(kairos)
