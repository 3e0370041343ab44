# SPDX-License-Identifier: Apache-2.0
"""An OTLP exporter of ours in the shape of the SDK's exporters: what the pipeline does, without queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.exporters.base import Exporters
from telemetry.exporters.encoding import encode_logs, encode_metrics, encode_spans
from telemetry.exporters.sdk_logs import LogRecordExporter, LogRecordExportResult
from telemetry.exporters.transport import Accepted

if TYPE_CHECKING:
    from telemetry.exporters.base import Otlp
    from telemetry.exporters.transport import Reply

TIMEOUT_S = 5.0


class Sending:
    """Sends what was encoded, one attempt each; keeps the replies."""

    def __init__(self, otlp: Otlp) -> None:
        self._transport = otlp.connect()
        self.replies: list[Reply] = []

    def send(self, encoded: Any) -> bool:
        replies = [self._transport.send(request, TIMEOUT_S) for request in encoded.requests]
        self.replies += replies
        return all(isinstance(reply, Accepted) for reply in replies)


class Spans(Sending, SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self.send(encode_spans(spans)) else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._transport.close()


class Logs(Sending, LogRecordExporter):
    def export(self, batch: Any) -> LogRecordExportResult:
        is_sent = self.send(encode_logs(batch))
        return LogRecordExportResult.SUCCESS if is_sent else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True

    def shutdown(self) -> None:
        self._transport.close()


class Metrics(Sending, MetricExporter):
    def __init__(self, otlp: Otlp) -> None:
        MetricExporter.__init__(self, otlp.temporality, otlp.aggregation)
        Sending.__init__(self, otlp)

    def export(self, metrics_data: Any, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        is_sent = self.send(encode_metrics(metrics_data))
        return MetricExportResult.SUCCESS if is_sent else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._transport.close()


def as_sdk_exporters(exporters: Exporters) -> Exporters:
    """The same exporters, of which the SDK's processors and readers can make use."""
    otlp = exporters.otlp
    return exporters if otlp is None else Exporters(Metrics(otlp), Spans(otlp), Logs(otlp))
