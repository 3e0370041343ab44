# SPDX-License-Identifier: Apache-2.0
"""Set-up of logging: what `configure_logging` puts on the root logger, and how it is taken off again."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

from telemetry.errors import ConfigError
from telemetry.logs.export import LogExportHandler
from telemetry.logs.formatters import JsonFormatter, TextFormatter
from telemetry.logs.trace_context import TraceContextFilter
from telemetry.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.logs.otel_api import LoggerSource

__all__ = [
    "attach_export",
    "configure_logging",
    "detach_export",
    "get_logger",
    "logging_set_aside",
    "reset_logging",
]

_FORMATS = ("json", "text")
_HandlerT = TypeVar("_HandlerT", bound=logging.Handler)


class _Console(logging.StreamHandler[TextIO]):
    """Our own handler: the one that a second call reconfigures and `reset_logging` removes."""


class _Marker(TraceContextFilter):
    """Our filter on every root handler; also keeps what `reset_logging` restores."""

    def __init__(self, service_name: Callable[[], str] | None, former_level: int) -> None:
        super().__init__(service_name)
        self.former_level = former_level


def get_logger(name: str | None = None) -> logging.Logger:
    """Return the standard library's logger of that name.

    It needs no set-up of its own: records carry trace ids and are exported as soon as
    `configure_logging` was called, wherever the logger was obtained before.

    Args:
        name: Dotted name, usually `__name__`; default: the root logger.
    """
    return logging.getLogger(name if name is None or type(name) is str else printable(name))


def configure_logging(
    level: str | int = "INFO",
    format: str = "text",  # noqa: A002 - the contract's name
    *,
    stream: TextIO | None = None,
    emit_logger: LoggerSource | None = None,
    service_name: Callable[[], str] | None = None,
) -> None:
    """Make logging trace-aware, and export records when the pipeline does.

    Without handlers on the root logger, one is installed that writes to `stream`. Handlers that are
    there already stay as they are, formats included, but every record that passes them carries
    `trace_id`, `span_id` and `service_name`, so that their formats may use them. The root logger's
    level is set in both cases. A second call reconfigures what the first one installed.

    Args:
        level: Lowest level that is logged: a name (upper or lower case) or a number.
        format: `text` for people (coloured on a terminal unless NO_COLOR is set) or `json`, one
            object per line.
        stream: Where our own handler writes; default: stderr.
        emit_logger: Gives the OpenTelemetry logger to export on, or None while nothing exports logs;
            default: no export.
        service_name: Gives the value of `service_name`; default: an empty text.

    Raises:
        ConfigError: `level` or `format` is not allowed; both are reported at once.
    """
    number = _check(level, format)
    root = logging.getLogger()
    console = _find(root, _Console)
    if console is None and not [item for item in root.handlers if not isinstance(item, LogExportHandler)]:
        console = _Console(stream or sys.stderr)
        root.addHandler(console)
    elif console is not None:
        console.setStream(stream or sys.stderr)
    if console is not None:
        console.setFormatter(_formatter(format, console.stream))
    _mark_all(root, service_name)
    root.setLevel(number)
    detach_export()
    if emit_logger is not None:
        attach_export(emit_logger)


def attach_export(source: LoggerSource, level: int = logging.NOTSET) -> None:
    """Export what reaches the root logger; replaces an earlier export, so nothing is sent twice.

    Args:
        source: Gives the OpenTelemetry logger for a logger's name, or None while nothing exports logs.
        level: The lowest level that is exported, beside the root logger's own.
    """
    detach_export()
    logging.getLogger().addHandler(LogExportHandler(source, level))


def detach_export() -> None:
    """Stop exporting what reaches the root logger; nothing else changes."""
    root = logging.getLogger()
    while (handler := _find(root, LogExportHandler)) is not None:
        root.removeHandler(handler)


def reset_logging() -> None:
    """Undo `configure_logging`: our handlers and filters go, and the root level is what it was."""
    detach_export()
    root = logging.getLogger()
    level = root.level
    for handler in root.handlers:
        level = _unmark(handler, level)
    console = _find(root, _Console)
    if console is not None:
        console.flush()
        root.removeHandler(console)
    root.setLevel(level)


@contextmanager
def logging_set_aside() -> Iterator[None]:
    """Take what `configure_logging` installed off for a while; afterwards it is as it was.

    What is configured inside the block is undone at its end. The level and other handlers stay.
    """
    root = logging.getLogger()
    level = root.level
    ours = [handler for handler in root.handlers if isinstance(handler, (_Console, LogExportHandler))]
    marked = [
        (handler, marker)
        for handler in root.handlers
        for marker in handler.filters
        if isinstance(marker, _Marker)
    ]
    for own in ours:
        root.removeHandler(own)
    for handler, marker in marked:
        handler.removeFilter(marker)
    try:
        yield
    finally:
        reset_logging()
        for own in ours:
            root.addHandler(own)
        for handler, marker in marked:
            handler.filters.insert(0, marker)
        root.setLevel(level)


def _check(level: str | int, format_: str) -> int:
    problems = []
    names = logging.getLevelNamesMapping()
    number = names.get(level.strip().upper()) if isinstance(level, str) else level
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        allowed = ", ".join(names)
        problems.append(f"level: {level!r} is not a log level; allowed: {allowed}, or a number from 0 on.")
        number = 0
    if format_ not in _FORMATS:
        problems.append(f"format: {format_!r} is not a log format; allowed: {', '.join(_FORMATS)}.")
    if problems:
        raise ConfigError(problems)
    return number


def _formatter(format_: str, stream: TextIO) -> logging.Formatter:
    if format_ == "json":
        return JsonFormatter()
    return TextFormatter(is_coloured=_is_terminal(stream) and not os.environ.get("NO_COLOR"))


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # not a real file, or a closed one
        return False


def _mark_all(root: logging.Logger, service_name: Callable[[], str] | None) -> None:
    former = root.level
    for handler in root.handlers:
        former = _unmark(handler, former)
    marker = _Marker(service_name, former)
    for handler in root.handlers:
        # First of all: a filter of the application may already look at the ids.
        handler.filters.insert(0, marker)


def _unmark(handler: logging.Handler, default_level: int) -> int:
    for item in list(handler.filters):
        if isinstance(item, _Marker):
            handler.removeFilter(item)
            default_level = item.former_level
    return default_level


def _find(root: logging.Logger, kind: type[_HandlerT]) -> _HandlerT | None:
    return next((item for item in root.handlers if isinstance(item, kind)), None)
