# SPDX-License-Identifier: Apache-2.0
"""From the SDK's hooks to our queues: which finished spans and emitted logs are exported."""

from __future__ import annotations

import copy
from time import monotonic
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor
from opentelemetry.trace import StatusCode

from telemetry.exporters.sdk_logs import LogRecordProcessor, ReadableLogRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from telemetry.exporters.sdk_logs import ReadWriteLogRecord
    from telemetry.pipeline.delivery.batch import BatchWorker
    from telemetry.pipeline.span_reader import SpanReader

__all__ = ["QueueLogs", "QueueSpans"]


class QueueSpans(SynchronousMultiSpanProcessor):
    """Queues finished spans for every exporter: the sampled ones, and failed ones if they are kept.

    It takes the place of the SDK's own list of processors, which calls each of them three times per
    span; processors that are added later are called as usual.

    Args:
        workers: One per exporter.
        flush: Exports everything until a deadline (`time.monotonic()`); returns whether it was done by then.
        keep_errors: Whether a span that ended in error is exported although its trace was not sampled.

    Attributes:
        reader: Sees every span that is recorded, exported or not.
    """

    def __init__(
        self,
        workers: list[BatchWorker[ReadableSpan]],
        flush: Callable[[float], bool],
        *,
        keep_errors: bool,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the SDK's has no annotations
        self._flush = flush
        self._puts = [worker.put for worker in workers]
        self._keep_errors = keep_errors
        self.reader: SpanReader | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tells the reader and added processors."""
        if self.reader is not None:
            self.reader.on_start(span)
        if self._span_processors:
            super().on_start(span, parent_context)

    def _on_ending(self, span: Span) -> None:
        if self._span_processors:
            super()._on_ending(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Queues the span, then tells the reader and added processors."""
        if span.context.trace_flags & 1 or (
            self._keep_errors and span.status.status_code is StatusCode.ERROR
        ):
            for put in self._puts:
                put(span)
        if self.reader is not None:
            self.reader.on_end(span)
        if self._span_processors:
            super().on_end(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Exports what is queued, for whoever flushes the global provider; False when too late."""
        deadline = monotonic() + timeout_millis / 1000
        are_ours_flushed = self._flush(deadline)
        return super().force_flush(max(0, int((deadline - monotonic()) * 1000))) and are_ours_flushed


class QueueLogs(LogRecordProcessor):
    """Queues emitted log records for every exporter.

    Args:
        workers: One per exporter.
        flush: Exports everything until a deadline (`time.monotonic()`); returns whether it was done by then.
        resource: Of records that come without one.
    """

    def __init__(
        self,
        workers: list[BatchWorker[ReadableLogRecord]],
        flush: Callable[[float], bool],
        resource: Resource,
    ) -> None:
        self._flush = flush
        self._puts = [worker.put for worker in workers]
        self._resource = resource

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queues the record."""
        # The record's context may keep large objects alive; the ids in it were taken already.
        record = copy.copy(log_record.log_record)
        record.context = Context()
        readable = ReadableLogRecord(
            log_record=record,
            resource=log_record.resource or self._resource,
            instrumentation_scope=log_record.instrumentation_scope,
            limits=log_record.limits,
        )
        for put in self._puts:
            put(readable)

    def shutdown(self) -> None:
        """Does nothing: the pipeline stops the workers itself, within its own deadline."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Exports what is queued, for whoever flushes the global provider; False when too late."""
        return self._flush(monotonic() + timeout_millis / 1000)
