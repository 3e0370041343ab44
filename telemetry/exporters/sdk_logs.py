# SPDX-License-Identifier: Apache-2.0
"""The one place that names OpenTelemetry's logs SDK and its encoder.

They are still under private names there and move between releases; everything else in this
project imports them from here, so that a move touches this file only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import (
    LoggerProvider,
    LogRecordLimits,
    LogRecordProcessor,
    ReadableLogRecord,
    ReadWriteLogRecord,
)
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

__all__ = [
    "LogRecordExportResult",
    "LogRecordExporter",
    "LogRecordLimits",
    "LogRecordProcessor",
    "LoggerProvider",
    "ReadWriteLogRecord",
    "ReadableLogRecord",
    "encode_logs",
]


def encode_logs(batch: Sequence[ReadableLogRecord]) -> ExportLogsServiceRequest:
    """Encode log records as an OTLP request; imports protobuf on the first call.

    Raises:
        Exception: A record holds something that OTLP cannot express.
    """
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs as encode

    return encode(batch)
