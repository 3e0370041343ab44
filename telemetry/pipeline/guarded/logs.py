# SPDX-License-Identifier: Apache-2.0
"""The SDK's LoggerProvider, with loggers that never raise, whatever they are given."""

from __future__ import annotations

import copy
from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from telemetry import conventions as names
from telemetry.exporters.sdk_logs import LoggerProvider, ReadWriteLogRecord
from telemetry.logs.exceptions import exception_text, message_of, type_name
from telemetry.logs.otel_api import Logger, LogRecord, NoOpLogger
from telemetry.logs.values import plain, plain_attributes
from telemetry.text import cut_stack, printable

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import AnyValue, Attributes

    from telemetry.logs.otel_api import SeverityNumber
    from telemetry.pipeline.trouble import Trouble

__all__ = ["GuardedLogger", "GuardedLoggerProvider"]

_DEFAULT_LIMIT = 4096
_READABLE = (type(None), str, bool, int, float, bytes, list, tuple, dict)


class GuardedLoggerProvider(LoggerProvider):
    """A LoggerProvider of the SDK's, with our loggers.

    Args:
        trouble: Takes what could not be recorded.
        **settings: The SDK's.
    """

    def __init__(self, trouble: Trouble, **settings: Any) -> None:
        super().__init__(**settings)
        self._trouble = trouble
        self._guarded: dict[Logger, GuardedLogger] = {}
        limit = self._log_record_limits.max_log_record_attribute_length
        # The SDK cuts one character later than we do: the outgoing stage sees by it that something was cut.
        self._limit = _DEFAULT_LIMIT if limit is None else limit - 1
        # A destructor that runs in the middle of `get_logger` may log as well. The SDK has no public
        # names for them; tests/faults/test_r11_reentrancy.py sees a renaming.
        self._logger_cache_lock = self._active_loggers_lock = RLock()  # type: ignore[assignment]  # reentrant

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Logger:
        """Returns a logger for the instrumentation scope; arguments as in the API. Never raises."""
        known = name if type(name) is str else printable(name)
        try:
            real = super().get_logger(known, version, schema_url, attributes)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._trouble.report("get_logger", problem, "logs")
            real = super().get_logger(known)
        if isinstance(real, NoOpLogger):
            return real
        if attributes is not None:  # the SDK makes a new one each time, and so do we
            return GuardedLogger(real, known, self._limit, self._trouble)
        return self._guarded.get(real) or self._guarded.setdefault(
            real, GuardedLogger(real, known, self._limit, self._trouble)
        )


class GuardedLogger(Logger):
    """A logger whose methods never raise.

    Args:
        real: The SDK's logger.
        name: Its instrumentation scope.
        limit: Bytes of a stack trace.
        trouble: Takes what could not be recorded.
    """

    def __init__(self, real: Logger, name: str, limit: int, trouble: Trouble) -> None:
        super().__init__(name)
        self._real = real
        self._limit = limit
        self._trouble = trouble

    def emit(
        self,
        record: LogRecord | None = None,
        *,
        timestamp: int | None = None,
        observed_timestamp: int | None = None,
        context: Context | None = None,
        severity_number: SeverityNumber | None = None,
        severity_text: str | None = None,
        body: AnyValue = None,
        attributes: Attributes = None,
        event_name: str | None = None,
        exception: BaseException | None = None,
    ) -> None:
        """Emits a record; arguments as in the API. What cannot be read is described instead."""
        try:
            if record is None:
                record = LogRecord(
                    timestamp=timestamp,
                    observed_timestamp=observed_timestamp,
                    context=context,
                    severity_text=severity_text,
                    severity_number=severity_number,
                    body=body,
                    attributes=attributes,
                    event_name=event_name,
                    exception=exception,
                )
            self._emit(record)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._trouble.report("Logger.emit", problem, "logs")

    def enabled(
        self,
        *,
        context: Context | None = None,
        severity_number: SeverityNumber | None = None,
        event_name: str | None = None,
    ) -> bool:
        """Tells whether such a record would be taken."""
        try:
            return self._real.enabled(context=context, severity_number=severity_number, event_name=event_name)
        except Exception as problem:  # noqa: BLE001 - likewise
            self._trouble.report("Logger.enabled", problem, "logs")
            return True

    def _emit(self, given: LogRecord) -> None:
        if isinstance(given, ReadWriteLogRecord):
            self._real.emit(given)
            return
        record = copy.copy(given)
        if type(record.body) not in _READABLE:
            record.body = plain(record.body)
        try:
            if record.exception is not None or _stack_of(record) is not None:
                self._write_exception(record)
            self._real.emit(record)
        except Exception as problem:  # noqa: BLE001 - likewise
            self._trouble.report("Logger.emit", problem, "logs")
            record.attributes, record.exception, record.body = {}, None, plain(record.body)
            with suppress(Exception):  # no mapping, or one of somebody's making: the record goes without
                record.attributes = plain_attributes(given.attributes)
            self._real.emit(record)

    def _write_exception(self, record: LogRecord) -> None:
        """Puts the exception into attributes; of a long stack trace, the middle goes."""
        attributes: dict[str, Any] = dict(record.attributes or {})
        error, record.exception = record.exception, None
        if isinstance(error, BaseException):
            attributes.setdefault(names.EXCEPTION_TYPE, type_name(error))
            attributes.setdefault(names.EXCEPTION_MESSAGE, message_of(error))
            attributes.setdefault(names.EXCEPTION_STACKTRACE, exception_text(error))
        stack = attributes.get(names.EXCEPTION_STACKTRACE)
        if isinstance(stack, str):
            attributes[names.EXCEPTION_STACKTRACE] = cut_stack(stack, self._limit)
        record.attributes = attributes


def _stack_of(record: LogRecord) -> object:
    return (record.attributes or {}).get(names.EXCEPTION_STACKTRACE)
