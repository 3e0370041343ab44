# SPDX-License-Identifier: Apache-2.0
"""Readings: what a pipeline in memory has recorded so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from telemetry.exporters.memory import MemoryLogExporter, MemorySpanExporter
from telemetry.testing.points import Point, points_of, since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.exporters.sdk_logs import ReadableLogRecord
    from telemetry.pipeline.telemetry import Telemetry

__all__ = ["Readings"]

_FLUSH_S = 5.0


class Readings:
    """Reads a pipeline whose exporters include `memory`.

    Args:
        telemetry: The pipeline.

    Attributes:
        telemetry: The pipeline.

    Raises:
        ValueError: The pipeline has no exporter `memory`.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        memory = telemetry.exporters.get("memory")
        parts = (memory.metrics, memory.spans, memory.logs) if memory is not None else (None, None, None)
        metrics, spans, logs = parts
        if (
            not isinstance(metrics, InMemoryMetricReader)
            or not isinstance(spans, MemorySpanExporter)
            or not isinstance(logs, MemoryLogExporter)
        ):
            raise ValueError(  # noqa: TRY004 - it is the setting that is wrong, not a type
                f"exporter: {','.join(telemetry.exporters) or 'none'!r} keeps nothing in memory;"
                " use exporter='memory', alone or in a comma list."
            )
        self.telemetry = telemetry
        self._metrics, self._spans, self._logs = metrics, spans, logs
        self._baseline: list[Point] = []
        self._settled: list[Point] | None = None

    @property
    def spans(self) -> list[ReadableSpan]:
        """The finished spans, in the order in which they ended."""
        self.telemetry.force_flush(_FLUSH_S)
        return list(self._spans.get_finished_spans())

    @property
    def logs(self) -> list[ReadableLogRecord]:
        """The exported log records and events, oldest first; `.log_record.body` is the message."""
        self.telemetry.force_flush(_FLUSH_S)
        return list(self._logs.get_finished_logs())

    def metrics(self) -> list[Point]:
        """Collect all metrics and return every series, less what was there at the last `clear`."""
        return since(self._collect(), self._baseline)

    def value(self, name: str, attributes: Mapping[str, object] | None = None, /, **more: object) -> float:
        """Return a metric's value.

        A series with exactly these attributes comes first. Otherwise all series that have them count:
        sums and histograms are added up, of a gauge there must be one only.

        Args:
            name: Name of the metric.
            attributes: Attributes whose names are no Python names: `{"error.code": "timeout"}`.
            **more: Further attributes.

        Raises:
            AssertionError: No series fits, or several of a gauge do; the message lists those there are.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        wanted = {**(attributes or {}), **more}
        series = [point for point in self.metrics() if point.name == name]
        exact = [point for point in series if point.attributes == wanted]
        fitting = exact or [point for point in series if point.has(wanted)]
        if not fitting:
            raise AssertionError(
                f"no series of {name!r} has {wanted!r}; there {self._list_metrics(series, name)}"
            )
        if len(fitting) > 1 and fitting[0].kind == "gauge":
            raise AssertionError(
                f"{len(fitting)} series of the gauge {name!r} have {wanted!r}; name more of:{_lines(fitting)}"
            )
        return sum(point.value for point in fitting)

    def clear(self) -> None:
        """Forget what was recorded so far. Gauges keep their state, as the things they show do."""
        self.telemetry.force_flush(_FLUSH_S)
        self._spans.clear()
        self._logs.clear()
        self._baseline = self._collect()

    def settle(self) -> None:
        """Collect the metrics a last time, so that they can be read after the pipeline's end."""
        self._settled = self._collect()

    def _collect(self) -> list[Point]:
        if self._settled is not None:
            return self._settled
        return points_of(self._metrics.get_metrics_data())

    def _list_metrics(self, series: list[Point], name: str) -> str:
        if series:
            return f"are:{_lines(series)}"
        names = sorted({point.name for point in self.metrics()})
        return f"is no metric {name!r}, but: {', '.join(names) or 'nothing was recorded'}"


def _lines(items: list[Point]) -> str:
    return "".join(f"\n  {item}" for item in items)
