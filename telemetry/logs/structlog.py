# SPDX-License-Identifier: Apache-2.0
"""Processors for structlog: trace ids on events, and events on the log export.

They are plain functions over structlog's `(logger, method_name, event_dict)`; structlog itself is not
imported. Put them before the renderer:

    structlog.configure(processors=[
        structlog.processors.add_log_level,
        add_trace_context,
        export_event,
        structlog.processors.JSONRenderer(),
    ])
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from telemetry.logs.export import emit_log, log_record
from telemetry.logs.otel_api import get_logger_provider
from telemetry.logs.trace_context import current_ids
from telemetry.logs.values import describe, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from telemetry.logs.otel_api import Logger, LoggerSource, LogRecord

__all__ = ["add_trace_context", "event_exporter", "export_event"]

EventDict = MutableMapping[str, object]

# structlog's method names that are no level names of logging.
_LEVELS = {"exception": "error", "warn": "warning", "fatal": "critical", "msg": "info", "log": "info"}
_NOT_ATTRIBUTES = frozenset({"event", "exc_info", "level", "logger", "timestamp", "trace_id", "span_id"})


def add_trace_context(
    logger: object,  # noqa: ARG001 - structlog's signature
    method_name: str,  # noqa: ARG001 - structlog's signature
    event_dict: EventDict,
) -> EventDict:
    """Add `trace_id` and `span_id` of the current span; outside a span, nothing."""
    trace_id, span_id = current_ids()
    if trace_id:
        event_dict["trace_id"] = trace_id
        event_dict["span_id"] = span_id
    return event_dict


def export_event(logger: object, method_name: str, event_dict: EventDict) -> EventDict:
    """Send the event to the process's OpenTelemetry logs pipeline and pass it on unchanged; never raises.

    Do not use it when structlog renders into the standard library's logging and `configure_logging`
    exports from there: every event would be sent twice.
    """
    return _export(_global_logger, logger, method_name, event_dict)


def event_exporter(source: LoggerSource) -> Callable[[object, str, EventDict], EventDict]:
    """Return a processor like `export_event` that sends to loggers of your choice.

    Args:
        source: Gives the OpenTelemetry logger for a name, or None while nothing exports logs.
    """

    def export(logger: object, method_name: str, event_dict: EventDict) -> EventDict:
        """Send the event and pass it on unchanged."""
        return _export(source, logger, method_name, event_dict)

    return export


def _global_logger(name: str) -> Logger:
    return get_logger_provider().get_logger(name)


def _export(source: LoggerSource, logger: object, method_name: str, event_dict: EventDict) -> EventDict:
    given = event_dict.get("level")
    level_name = given.lower() if isinstance(given, str) else method_name
    level_name = _LEVELS.get(level_name, level_name).upper()
    name = event_dict.get("logger", getattr(logger, "name", None))
    exc_info = event_dict.get("exc_info")
    fields = dict(event_dict)
    raised = sys.exc_info() if exc_info is True else exc_info

    def build(context: Context) -> LogRecord:
        return log_record(
            context,
            level=logging.getLevelNamesMapping().get(level_name, logging.INFO),
            level_name=level_name,
            body=plain(fields.get("event")),
            attributes={
                key if isinstance(key, str) else describe(key): plain(value)
                for key, value in fields.items()
                if key not in _NOT_ATTRIBUTES
            },
            timestamp_ns=time.time_ns(),
            exc_info=raised,
        )

    emit_log(source, name if isinstance(name, str) else "structlog", build)
    return event_dict
