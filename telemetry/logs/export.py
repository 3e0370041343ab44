# SPDX-License-Identifier: Apache-2.0
"""Log export: a `logging.LogRecord` becomes an OpenTelemetry log record on the active pipeline."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from opentelemetry.context import get_current

from telemetry import conventions
from telemetry.logs.exceptions import exception_of, exception_text, message_of, type_name
from telemetry.logs.otel_api import LoggerSource, LogRecord, SeverityNumber, is_suppressed
from telemetry.logs.values import PlainValue, describe, extra_fields, message, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    _Emission = tuple[LoggerSource, str, Callable[[Context], LogRecord], Context]

__all__ = ["EXPORT_THREAD_PREFIX", "LogExportHandler", "emit_log", "log_record", "severity"]

EXPORT_THREAD_PREFIX = "kairos-"
"""Threads of ours that export carry a name that starts so; log export ignores what transports log there."""

# The SDK's threads are named Otel…; gRPC's own are named after their target function.
_EXPORT_THREADS = (EXPORT_THREAD_PREFIX, "Otel")
_GRPC_THREADS = ("(channel_spin)", "(poll_connectivity)", "(_poll_connectivity)", "(deliver)", "(_deliver)")
# Who logs while data is exported: the SDK, ourselves, and the transports of the OTLP exporters.
_EXPORTING_LOGGERS = frozenset(
    {"opentelemetry", "telemetry", "grpc", "urllib3", "requests", "httpx", "httpcore"}
)
# OpenTelemetry's names for Python's levels, which differ in two.
_MOST_IN_A_ROW = 8
"""Records that one log call emits, with those that are logged in the middle of it."""
_HERE = threading.local()
"""The records that wait in this thread; nothing outlives a log call."""
_SEVERITY_TEXT = {"WARNING": "WARN", "CRITICAL": "FATAL"}


def severity(level: int) -> SeverityNumber:
    """Return OpenTelemetry's severity number for a Python level.

    The standard levels are DEBUG, INFO, WARN, ERROR and FATAL; a level in between is one of the three
    finer steps of its class (25 is INFO4), below DEBUG is TRACE.
    """
    step, fine = divmod(max(0, min(level, 59)), 10)
    return SeverityNumber(1 + step * 4 + min(fine, 3)) if step <= 5 else SeverityNumber.FATAL4


def emit_log(source: LoggerSource, name: str, build: Callable[[Context], LogRecord]) -> None:
    """Send one log record to the active pipeline; never raises.

    Nothing is sent while telemetry itself is at work in this context, which is what keeps an exporter's
    own log lines from being exported for ever.

    Args:
        source: Gives the OpenTelemetry logger, or None while nothing exports logs.
        name: The logger's name; becomes the instrumentation scope.
        build: Makes the record for the current context; called only where something exports logs.
    """
    if is_suppressed():
        return
    waiting: list[_Emission] | None = getattr(_HERE, "waiting", None)
    emission = (source, name, build, get_current())
    if waiting is None:
        _emit_all([emission])
    elif not _is_of_exporting(name):
        waiting.append(emission)


def _emit_all(waiting: list[_Emission]) -> None:
    """Emits a record, then those that were logged in the middle of it.

    A `__str__` or a destructor may log while a lock is held here, so its turn comes afterwards; not for
    ever, for it may do so every time. What the SDK and we ourselves log meanwhile is no record at all.
    This is not noted in the context: see `telemetry.tracing.collection`.
    """
    _HERE.waiting = waiting
    try:
        for _ in range(_MOST_IN_A_ROW):
            source, name, build, context = waiting.pop(0)
            try:
                logger = source(name)
                if logger is not None:
                    logger.emit(build(context))
            except Exception as problem:  # noqa: BLE001 - logging must not break the code that logs
                if logging.raiseExceptions:
                    _report(name, problem)
            if not waiting:
                break
    finally:
        _HERE.waiting = None


def log_record(
    context: Context,
    *,
    level: int,
    level_name: str,
    body: PlainValue,
    attributes: dict[str, PlainValue],
    timestamp_ns: int,
    exc_info: object = None,
) -> LogRecord:
    """Make an OpenTelemetry log record.

    Args:
        context: Holds the span that the record belongs to.
        level: Python's level number.
        level_name: The level's name.
        body: The message.
        attributes: Fields of the record; those of an exception are added.
        timestamp_ns: When it happened, nanoseconds since the epoch.
        exc_info: An exception, an `exc_info` triple, or nothing.
    """
    error = exception_of(exc_info)
    if error is not None:
        attributes[conventions.EXCEPTION_TYPE] = type_name(error)
        attributes[conventions.EXCEPTION_MESSAGE] = message_of(error)
        attributes[conventions.EXCEPTION_STACKTRACE] = exception_text(error)
    return LogRecord(
        timestamp=timestamp_ns,
        observed_timestamp=time.time_ns(),
        context=context,
        severity_text=_SEVERITY_TEXT.get(level_name, level_name),
        severity_number=severity(level),
        body=body,
        attributes=attributes,
    )


class LogExportHandler(logging.Handler):
    """Sends records to the active pipeline as OpenTelemetry log records; never raises.

    The logger's name is the instrumentation scope, the message is the body, `extra` fields and the
    code's place are attributes, an exception is `exception.type`, `.message` and `.stacktrace`. The
    trace context is the current one. Takes no lock: an OpenTelemetry logger is thread-safe, and a
    record may come from a signal handler. Dropped are records of telemetry's own work: everything in a
    context marked as suppressed, and what the SDK and the transports log in export threads.

    Args:
        source: Gives the OpenTelemetry logger for a logger's name, or None while nothing exports logs.
        level: The lowest level that is sent.
    """

    def __init__(self, source: LoggerSource, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._source = source

    def createLock(self) -> None:  # noqa: N802 - logging's own name
        """Make no lock: `handle` takes none."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Send the record if this handler's filters let it pass; the answer is theirs."""
        passed = self.filter(record)
        if isinstance(passed, logging.LogRecord):  # from Python 3.12 on, a filter may give another record
            record = passed
        if passed:
            self.emit(record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, unless it is telemetry's own."""
        name = str(record.name)
        if not _is_from_an_export(name, record.threadName):
            emit_log(self._source, name, lambda context: _translate(record, context))


def _translate(record: logging.LogRecord, context: Context) -> LogRecord:
    is_structured = not record.args and not isinstance(record.msg, str)
    return log_record(
        context,
        level=record.levelno,
        level_name=record.levelname,
        body=plain(record.msg) if is_structured else message(record),
        attributes=_attributes(record),
        timestamp_ns=int(record.created * 1e9),
        exc_info=record.exc_info,
    )


def _attributes(record: logging.LogRecord) -> dict[str, PlainValue]:
    attributes = extra_fields(record)
    attributes["code.file.path"] = plain(record.pathname)
    attributes["code.function.name"] = plain(record.funcName)
    attributes["code.line.number"] = record.lineno
    if record.stack_info:
        attributes["code.stacktrace"] = plain(record.stack_info)
    return attributes


def _is_from_an_export(name: str, thread: str | None) -> bool:
    if not _is_of_exporting(name):
        return False
    thread = thread or threading.current_thread().name  # logging.logThreads may be off
    return thread.startswith(_EXPORT_THREADS) or thread.endswith(_GRPC_THREADS)


def _is_of_exporting(name: str) -> bool:
    return name.partition(".")[0] in _EXPORTING_LOGGERS


def _report(name: str, problem: Exception) -> None:
    """Say on the last resort's stream that a record was lost; a logger would only meet the same problem."""
    handler = logging.lastResort
    if handler is not None:
        lost = logging.makeLogRecord(
            {
                "name": "telemetry.logs",
                "levelno": logging.WARNING,
                "levelname": "WARNING",
                "msg": f"a log record of {name!r} could not be exported: {describe(problem)}",
            }
        )
        handler.handle(lost)
