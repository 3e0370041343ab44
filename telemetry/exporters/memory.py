# SPDX-License-Identifier: Apache-2.0
"""`memory`: keeps what was exported in this process, for tests and for looking at it."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.exporters.base import Exporters
from telemetry.exporters.sdk_logs import LogRecordExporter, LogRecordExportResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.config import Settings
    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["CAPACITY", "MemoryLogExporter", "MemorySpanExporter", "build"]

CAPACITY = 10_000
"""How many of the newest spans, and of the newest log records, are kept."""

_T = TypeVar("_T")


def build(config: Settings) -> Exporters:  # noqa: ARG001 (every exporter's build has this signature)
    """Build the exporter: metrics are collected when asked for, spans and logs are kept."""
    return Exporters(metrics=InMemoryMetricReader(), spans=MemorySpanExporter(), logs=MemoryLogExporter())


class _Newest(Generic[_T]):
    """The newest records up to a capacity, and how many older ones had to go."""

    def __init__(self, capacity: int) -> None:
        self._records: deque[_T] = deque(maxlen=capacity)
        self._added = 0
        self._lock = Lock()

    def add(self, records: Iterable[_T]) -> None:
        with self._lock:
            for record in records:
                self._records.append(record)
                self._added += 1

    def snapshot(self) -> tuple[_T, ...]:
        with self._lock:
            return tuple(self._records)

    def dropped(self) -> int:
        with self._lock:
            return self._added - len(self._records)

    def clear(self) -> None:
        with self._lock:
            self._records.clear()
            self._added = 0


class MemorySpanExporter(SpanExporter):
    """Keeps the newest finished spans. Thread-safe; reading stays possible after shutdown.

    Args:
        capacity: How many spans are kept; older ones are dropped and counted.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._newest: _Newest[ReadableSpan] = _Newest(capacity)
        self._is_shut_down = False

    @property
    def dropped(self) -> int:
        """Spans that had to make room since the last `clear`."""
        return self._newest.dropped()

    def get_finished_spans(self) -> tuple[ReadableSpan, ...]:
        """The spans kept, oldest first."""
        return self._newest.snapshot()

    def clear(self) -> None:
        """Forget the spans and the count of dropped ones."""
        self._newest.clear()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep the spans; FAILURE after shutdown."""
        if self._is_shut_down:
            return SpanExportResult.FAILURE
        self._newest.add(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Accept nothing more."""
        self._is_shut_down = True

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: nothing is buffered."""
        return True


class MemoryLogExporter(LogRecordExporter):
    """Keeps the newest log records. Thread-safe; reading stays possible after shutdown.

    Args:
        capacity: How many records are kept; older ones are dropped and counted.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._newest: _Newest[ReadableLogRecord] = _Newest(capacity)
        self._is_shut_down = False

    @property
    def dropped(self) -> int:
        """Records that had to make room since the last `clear`."""
        return self._newest.dropped()

    def get_finished_logs(self) -> tuple[ReadableLogRecord, ...]:
        """The records kept, oldest first."""
        return self._newest.snapshot()

    def clear(self) -> None:
        """Forget the records and the count of dropped ones."""
        self._newest.clear()

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Keep the records; FAILURE after shutdown."""
        if self._is_shut_down:
            return LogRecordExportResult.FAILURE
        self._newest.add(batch)
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Accept nothing more."""
        self._is_shut_down = True

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: nothing is buffered."""
        return True
