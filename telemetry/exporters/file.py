# SPDX-License-Identifier: Apache-2.0
"""`file`: OTLP/JSON lines that a Collector's otlpjsonfile receiver, or anything that reads JSON, takes in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.errors import ConfigError
from telemetry.exporters.base import Exporters
from telemetry.exporters.otlp_json import logs_line, metrics_line, spans_line
from telemetry.exporters.sdk_logs import LogRecordExporter, LogRecordExportResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.config import Settings
    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["FileLogExporter", "FileMetricExporter", "FileSpanExporter", "build"]

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT


def build(config: Settings) -> Exporters:
    """Build the exporter; all signals go to the one file `file_path`, which is created if need be.

    Raises:
        ConfigError: The file cannot be opened for appending.
    """
    lines = _Lines(Path(config.file_path))
    return Exporters(
        metrics=FileMetricExporter(lines),
        spans=FileSpanExporter(lines),
        logs=FileLogExporter(lines),
        problem=lambda: lines.problem,
    )


class _Lines:
    """Appends lines to a file, each with one write, so that several processes may share it.

    The file is opened for every line: it may be rotated or removed at any time, and nothing is
    inherited by forked processes.

    Attributes:
        problem: What the latest line that was not written failed with.
    """

    def __init__(self, path: Path) -> None:
        self.problem: str | None = None
        self._path = path.absolute()  # the process may change its directory later
        self._is_torn = False
        try:
            os.close(self._open())
        except OSError as error:
            raise ConfigError([_cannot_open(self._path, error)]) from error

    def append(self, encode: Callable[[], bytes]) -> bool:
        """Encode and append a line; False when either failed, which is all that ever happens."""
        try:
            self._write(encode())
        except Exception as error:  # noqa: BLE001 (export must not raise, and encoders raise all sorts)
            self.problem = f"nothing was written to {self._path}: {type(error).__name__}: {error}"
            return False
        return True

    def _write(self, line: bytes) -> None:
        if self._is_torn:  # a full disk cut the last line; the next one must not continue it
            line = b"\n" + line
        descriptor = self._open()
        try:
            written = os.write(descriptor, line)
            if 0 < written < len(line):
                self._is_torn = True
                raise OSError(f"only {written} of {len(line)} bytes were taken")
        finally:
            os.close(descriptor)
        self._is_torn = False

    def _open(self) -> int:
        return os.open(self._path, _FLAGS, 0o600)


def _cannot_open(path: Path, error: OSError) -> str:
    if not path.parent.is_dir():
        reason, fix = f"the directory {path.parent} does not exist", "Create the directory"
    else:
        reason, fix = error.strerror or type(error).__name__, "Make it writable for this user"
    return (
        f"file_path: {str(path)!r} cannot be appended to: {reason}; allowed: a file in an existing "
        f"directory that this process may write. {fix}, or set KAIROS_TELEMETRY_FILE_PATH to another path."
    )


class FileMetricExporter(MetricExporter):
    """Appends each collection as a line of MetricsData. Thread-safe."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002 (the SDK's signature)
        **kwargs: object,  # noqa: ARG002 (the SDK's signature)
    ) -> MetricExportResult:
        """Append one line; FAILURE when the disk does not take it. Never raises."""
        done = self._lines.append(lambda: metrics_line(metrics_data))
        return MetricExportResult.SUCCESS if done else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: nothing is buffered."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Nothing to release: the file is open only while a line is written."""


class FileSpanExporter(SpanExporter):
    """Appends each batch as a line of TracesData. Thread-safe."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append one line; FAILURE when the disk does not take it. Never raises."""
        done = self._lines.append(lambda: spans_line(spans))
        return SpanExportResult.SUCCESS if done else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: nothing is buffered."""
        return True

    def shutdown(self) -> None:
        """Nothing to release: the file is open only while a line is written."""


class FileLogExporter(LogRecordExporter):
    """Appends each batch as a line of LogsData. Thread-safe."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Append one line; FAILURE when the disk does not take it. Never raises."""
        done = self._lines.append(lambda: logs_line(batch))
        return LogRecordExportResult.SUCCESS if done else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: nothing is buffered."""
        return True

    def shutdown(self) -> None:
        """Nothing to release: the file is open only while a line is written."""
