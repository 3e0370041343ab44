# SPDX-License-Identifier: Apache-2.0
"""Trace-aware logging for the standard library and structlog, and log export.

Names load on first use: a pipeline needs one module of this package, and start-up is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.lazy import first_use

if TYPE_CHECKING:
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

_MODULE_OF = {
    "EXPORT_THREAD_PREFIX": "export",
    "JsonFormatter": "formatters",
    "LogExportHandler": "export",
    "LoggerSource": "otel_api",
    "TextFormatter": "formatters",
    "TraceContextFilter": "trace_context",
    "attach_export": "setup",
    "configure_logging": "setup",
    "detach_export": "setup",
    "get_logger": "setup",
    "logging_set_aside": "setup",
    "reset_logging": "setup",
}

__getattr__ = first_use(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
