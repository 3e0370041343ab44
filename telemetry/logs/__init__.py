# SPDX-License-Identifier: Apache-2.0
"""Trace-aware logging for the standard library and structlog, and log export."""

from __future__ import annotations

from telemetry.logs.export import EXPORT_THREAD_PREFIX, LogExportHandler
from telemetry.logs.formatters import JsonFormatter, TextFormatter
from telemetry.logs.otel_api import LoggerSource
from telemetry.logs.setup import (
    attach_export,
    configure_logging,
    detach_export,
    get_logger,
    logging_set_aside,
    reset_logging,
)
from telemetry.logs.trace_context import TraceContextFilter

__all__ = [
    "EXPORT_THREAD_PREFIX",
    "JsonFormatter",
    "LogExportHandler",
    "LoggerSource",
    "TextFormatter",
    "TraceContextFilter",
    "attach_export",
    "configure_logging",
    "detach_export",
    "get_logger",
    "logging_set_aside",
    "reset_logging",
]
