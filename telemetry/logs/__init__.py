# SPDX-License-Identifier: Apache-2.0
"""Trace-aware logging for the standard library and structlog, and log export.

Names load on first use: a pipeline needs one module of this package, and start-up is measured.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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

_MODULES = {
    "EXPORT_THREAD_PREFIX": "export",
    "JsonFormatter": "formatters",
    "LogExportHandler": "export",
    "LoggerSource": "otel_api",
    "TextFormatter": "formatters",
    "TraceContextFilter": "trace_context",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'setup')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
