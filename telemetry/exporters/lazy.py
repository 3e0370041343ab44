# SPDX-License-Identifier: Apache-2.0
"""Exporters that come into being with the first export, so that start-up never imports gRPC."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.exporters.sdk_logs import LogRecordExporter, LogRecordExportResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricsData
    from opentelemetry.sdk.metrics.view import Aggregation
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["LazyLogExporter", "LazyMetricExporter", "LazySpanExporter"]

_log = logging.getLogger(__name__)


class _CanShutDown(Protocol):
    def shutdown(self) -> None: ...


_E = TypeVar("_E", bound=_CanShutDown)
_R = TypeVar("_R")


class _OnFirstUse(Generic[_E]):
    """An exporter, its creation put off, and the end of it, whichever comes first."""

    def __init__(self, create: Callable[[], _E]) -> None:
        self._create = create
        self._exporter: _E | None = None
        self._is_shut_down = False
        self._lock = Lock()  # guards the swap only: creation reads files and may take long

    def run(self, export: Callable[[_E], _R], failure: _R) -> _R:
        """Export with it; `failure` when that, or creating it, is impossible. Never raises."""
        try:
            exporter = self._get()
            return failure if exporter is None else export(exporter)
        except Exception as error:  # noqa: BLE001 (export must not raise, whatever the exporter meets)
            _log.warning("an export failed: %s: %s", type(error).__name__, error)
            return failure

    def shutdown(self) -> None:
        with self._lock:
            exporter, self._exporter = self._exporter, None
            self._is_shut_down = True
        if exporter is not None:
            exporter.shutdown()

    def _get(self) -> _E | None:
        if self._is_shut_down:
            return None
        if self._exporter is not None:
            return self._exporter
        created = self._create()
        with self._lock:
            if not self._is_shut_down and self._exporter is None:
                self._exporter = created
            kept = self._exporter
        if kept is not created:  # another thread was faster, or shutdown came in between
            created.shutdown()
        return kept


class LazySpanExporter(SpanExporter):
    """Creates the real span exporter on the first export. Thread-safe; never raises.

    Args:
        create: Makes the exporter; called again by the next export when it raised.
    """

    def __init__(self, create: Callable[[], SpanExporter]) -> None:
        self._lazy = _OnFirstUse(create)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export; FAILURE when it failed, when creation failed, and after shutdown."""
        return self._lazy.run(lambda exporter: exporter.export(spans), SpanExportResult.FAILURE)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: OTLP exporters buffer nothing."""
        return True

    def shutdown(self) -> None:
        """Shut the real exporter down, if there is one."""
        self._lazy.shutdown()


class LazyMetricExporter(MetricExporter):
    """Creates the real metric exporter on the first export. Thread-safe; never raises.

    Args:
        create: Makes the exporter; called again by the next export when it raised.
        preferred_temporality: What the reader has to know before there is an exporter.
        preferred_aggregation: Likewise.
    """

    def __init__(
        self,
        create: Callable[[], MetricExporter],
        preferred_temporality: dict[type, AggregationTemporality],
        preferred_aggregation: dict[type, Aggregation],
    ) -> None:
        super().__init__(
            preferred_temporality=preferred_temporality, preferred_aggregation=preferred_aggregation
        )
        self._lazy = _OnFirstUse(create)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> MetricExportResult:
        """Export; FAILURE when it failed, when creation failed, and after shutdown."""
        return self._lazy.run(
            lambda exporter: exporter.export(metrics_data, timeout_millis=timeout_millis, **kwargs),
            MetricExportResult.FAILURE,
        )

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: OTLP exporters buffer nothing."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:  # noqa: ARG002 (the SDK's signature)
        """Shut the real exporter down, if there is one."""
        self._lazy.shutdown()


class LazyLogExporter(LogRecordExporter):
    """Creates the real log exporter on the first export. Thread-safe; never raises.

    Args:
        create: Makes the exporter; called again by the next export when it raised.
    """

    def __init__(self, create: Callable[[], LogRecordExporter]) -> None:
        self._lazy = _OnFirstUse(create)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Export; FAILURE when it failed, when creation failed, and after shutdown."""
        return self._lazy.run(lambda exporter: exporter.export(batch), LogRecordExportResult.FAILURE)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: OTLP exporters buffer nothing."""
        return True

    def shutdown(self) -> None:
        """Shut the real exporter down, if there is one."""
        self._lazy.shutdown()
