# SPDX-License-Identifier: Apache-2.0
"""The parts of the OpenTelemetry API whose names are still private, in one file.

The logs API lives in `opentelemetry._logs` until it is declared stable, and the context key that
says "this is telemetry's own work, do not observe it" has no public name. Everything else in this
project takes them from here, so that a rename upstream is one edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry._logs import (
    Logger,
    LoggerProvider,
    LogRecord,
    NoOpLogger,
    NoOpLoggerProvider,
    SeverityNumber,
    get_logger_provider,
    set_logger_provider,
)
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY as _SUPPRESS_KEY,
)
from opentelemetry.context import attach, detach, get_value, set_value

__all__ = [
    "LogRecord",
    "Logger",
    "LoggerProvider",
    "LoggerSource",
    "NoOpLogger",
    "NoOpLoggerProvider",
    "SeverityNumber",
    "get_logger_provider",
    "is_suppressed",
    "set_logger_provider",
    "suppressed",
]

LoggerSource = Callable[[str], Logger | None]
"""Gives the OpenTelemetry logger for an instrumentation scope, or None while no pipeline exports logs.

Asked for every record, so that a pipeline can be replaced while handlers stay where they are.
"""


def is_suppressed() -> bool:
    """Tell whether the current code runs on behalf of telemetry itself (an export, for instance)."""
    return bool(get_value(_SUPPRESS_KEY))


@contextmanager
def suppressed() -> Iterator[None]:
    """Mark the code inside as telemetry's own work: instrumentations and log export ignore it."""
    token = attach(set_value(_SUPPRESS_KEY, True))
    try:
        yield
    finally:
        detach(token)
