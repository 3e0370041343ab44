# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import telemetry
from telemetry import CircuitState, HealthStatus
from telemetry import conventions as names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

Key = tuple[str, str, bool]


class Observed:
    """What the agent reported: exact values of the five instruments, and its spans."""

    def __init__(self, pipeline: telemetry.Telemetry) -> None:
        self._pipeline = pipeline

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
        return next(value for labels, value in self._pipeline.snapshot()[names.ERRORS_RATE] if not labels)

    @property
    def health(self) -> dict[str, HealthStatus]:
        return {
            str(labels[names.COMPONENT]): HealthStatus(int(value))
            for labels, value in self._series(names.HEALTH_STATUS)
        }

    @property
    def circuit(self) -> dict[str, CircuitState]:
        return {
            str(labels[names.COMPONENT]): CircuitState(int(value))
            for labels, value in self._series(names.CIRCUIT_STATE)
        }

    @property
    def spans(self) -> list[ReadableSpan]:
        """Finished spans, in the order in which they began."""
        self._pipeline.force_flush()
        exporter = self._pipeline.exporters["memory"].spans
        return sorted(exporter.get_finished_spans(), key=lambda span: span.start_time)  # type: ignore[union-attr]

    def span(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def _series(self, metric: str) -> list[tuple[dict[str, object], float]]:
        return self._pipeline.snapshot().get(metric, [])  # type: ignore[return-value]

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
def observed() -> Iterator[Observed]:
    with telemetry.init("agent-tests", exporter="memory") as pipeline:
        yield Observed(pipeline)
