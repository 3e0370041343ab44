# SPDX-License-Identifier: Apache-2.0
"""Exporters that keep, fail, raise or hang as a test wants, in the place of the built-in `memory`."""

from __future__ import annotations

import sys
from threading import Event
from types import ModuleType
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.exporters import registry
from telemetry.exporters.base import Exporters
from telemetry.exporters.sdk_logs import LogRecordExporter, LogRecordExportResult

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Behaviour:
    """How all three exporters act; `batches` is what each signal was given."""

    def __init__(self) -> None:
        self.batches: dict[str, list] = {"metrics": [], "traces": [], "logs": []}
        self.is_failing = False
        self.error: BaseException | None = None
        self.shutdown_error: BaseException | None = None
        self.hangs_at_shutdown = False
        self.is_open = Event()  # while it is not set, exports hang
        self.is_open.set()
        self.entered = Event()
        self.shutdowns: list[str] = []

    def export(self, signal: str, batch: object) -> bool:
        self.entered.set()
        self.is_open.wait(30)
        if self.error is not None:
            raise self.error
        if not self.is_failing:
            self.batches[signal].append(batch)
        return not self.is_failing

    def shutdown(self, signal: str) -> None:
        self.shutdowns.append(signal)
        if self.hangs_at_shutdown:
            self.is_open.wait(30)
        if self.shutdown_error is not None:
            raise self.shutdown_error

    @property
    def spans(self) -> list:
        return [span for batch in self.batches["traces"] for span in batch]

    def points(self, name: str) -> list:
        """All points of a metric, in the order of export."""
        return [
            point
            for data in self.batches["metrics"]
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


class FakeMetrics(MetricExporter):
    def __init__(self, behaviour: Behaviour, temporality: AggregationTemporality | None) -> None:
        from opentelemetry.sdk.metrics import ObservableCounter

        super().__init__({ObservableCounter: temporality} if temporality is not None else None)
        self._behaviour = behaviour

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        is_delivered = self._behaviour.export("metrics", metrics_data)
        return MetricExportResult.SUCCESS if is_delivered else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        self._behaviour.shutdown("metrics")


class FakeSpans(SpanExporter):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def export(self, spans):
        is_delivered = self._behaviour.export("traces", tuple(spans))
        return SpanExportResult.SUCCESS if is_delivered else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis=30_000):
        return True

    def shutdown(self):
        self._behaviour.shutdown("traces")


class FakeLogs(LogRecordExporter):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def export(self, batch):
        is_delivered = self._behaviour.export("logs", tuple(batch))
        return LogRecordExportResult.SUCCESS if is_delivered else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis=30_000):
        return True

    def shutdown(self):
        self._behaviour.shutdown("logs")


def install(monkeypatch: pytest.MonkeyPatch, temporality: AggregationTemporality | None = None) -> Behaviour:
    """Puts fakes where `exporter="memory"` looks for its module, and says how they act."""
    behaviour = Behaviour()
    module = ModuleType("fake_exporters_of_a_test")
    build: Callable[[object], Exporters] = lambda _config: Exporters(  # noqa: E731 - an attribute of a made module
        FakeMetrics(behaviour, temporality), FakeSpans(behaviour), FakeLogs(behaviour)
    )
    module.build = build  # type: ignore[attr-defined]  # modules are made of attributes
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, "memory": module.__name__})
    return behaviour
