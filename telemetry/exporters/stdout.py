# SPDX-License-Identifier: Apache-2.0
"""`stdout`: one pretty-printed JSON document per export, for development and for `jq`."""

from __future__ import annotations

import json
import os
import re
import select
import sys
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, TextIO

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.exporters.base import Exporters
from telemetry.exporters.sdk_logs import LogRecordExporter, LogRecordExportResult
from telemetry.exporters.stdout_json import logs_document, metrics_document, spans_document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.config import Settings
    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["StdoutLogExporter", "StdoutMetricExporter", "StdoutSpanExporter", "build"]

_PATIENCE_S = 5.0
_SURROGATE = re.compile("[\ud800-\udfff]")


def build(config: Settings) -> Exporters:  # noqa: ARG001 (every exporter's build has this signature)
    """Build the exporter; its three signals take turns, so that documents never interleave."""
    printer = _Printer()
    return Exporters(
        metrics=StdoutMetricExporter(printer),
        spans=StdoutSpanExporter(printer),
        logs=StdoutLogExporter(printer),
        problem=lambda: printer.problem,
    )


class _Printer:
    """Writes whole documents to whatever `sys.stdout` is at that moment.

    Attributes:
        problem: What the latest document that was not written failed with.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        # Held while writing, against the house rule: keeping documents apart is its only purpose.
        self._turn = Lock()

    def print(self, render: Callable[[], dict[str, Any]]) -> bool:
        """Render and write a document; False when either failed, which is all that ever happens."""
        try:
            self._write(render())
        except Exception as error:  # noqa: BLE001 (export must not raise; rendering meets users' objects)
            self.problem = f"{type(error).__name__}: {error}"
            return False
        return True

    def _write(self, document: dict[str, Any]) -> None:
        stream: TextIO | None = sys.stdout
        if stream is None:
            raise OSError("this process has no standard output")
        encoding = stream.encoding or "utf-8"
        data = _text(document, is_unicode=encoding.lower().startswith("utf")).encode(encoding)
        is_descriptor = stream is sys.__stdout__ and sys.platform != "win32"
        with self._turn:
            stream.flush()
            if is_descriptor:
                # Past the stream's buffer: when the reader is gone nothing stays behind in it, which
                # the interpreter would fail on with a traceback and exit status 120 at exit.
                _write_all(stream.fileno(), data)
            else:
                stream.write(data.decode(encoding))
                stream.flush()


def _text(document: dict[str, Any], *, is_unicode: bool) -> str:
    # Neither UTF-8 nor jq has a place for half a surrogate pair.
    text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", json.dumps(document, indent=2, ensure_ascii=False))
    return f"{text if is_unicode else json.dumps(json.loads(text), indent=2)}\n"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:  # another owner of the terminal or pipe made it non-blocking
            if not select.select([], [descriptor], [], _PATIENCE_S)[1]:
                raise


class StdoutMetricExporter(MetricExporter):
    """Prints collected metrics as `{"ResourceMetrics": [...]}`. Thread-safe."""

    def __init__(self, printer: _Printer | None = None) -> None:
        super().__init__()
        self._printer = printer or _Printer()
        self._created_unix_nano = time.time_ns()

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002 (the SDK's signature)
        **kwargs: object,  # noqa: ARG002 (the SDK's signature)
    ) -> MetricExportResult:
        """Print one document; FAILURE when standard output does not take it. Never raises."""
        done = self._printer.print(lambda: metrics_document(metrics_data, self._created_unix_nano))
        return MetricExportResult.SUCCESS if done else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: nothing is buffered."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Nothing to release: standard output is the application's."""


class StdoutSpanExporter(SpanExporter):
    """Prints finished spans as `{"ResourceSpans": [...]}`. Thread-safe."""

    def __init__(self, printer: _Printer | None = None) -> None:
        self._printer = printer or _Printer()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Print one document; FAILURE when standard output does not take it. Never raises."""
        done = self._printer.print(lambda: spans_document(spans))
        return SpanExportResult.SUCCESS if done else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: nothing is buffered."""
        return True

    def shutdown(self) -> None:
        """Nothing to release: standard output is the application's."""


class StdoutLogExporter(LogRecordExporter):
    """Prints log records as `{"ResourceLogs": [...]}`. Thread-safe."""

    def __init__(self, printer: _Printer | None = None) -> None:
        self._printer = printer or _Printer()

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Print one document; FAILURE when standard output does not take it. Never raises."""
        done = self._printer.print(lambda: logs_document(batch))
        return LogRecordExportResult.SUCCESS if done else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: nothing is buffered."""
        return True

    def shutdown(self) -> None:
        """Nothing to release: standard output is the application's."""
