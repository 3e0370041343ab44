# SPDX-License-Identifier: Apache-2.0
"""A LoggerProvider whose real provider can be exchanged while the loggers it gave out stay in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.logs.otel_api import Logger, LoggerProvider, NoOpLoggerProvider
from telemetry.pipeline.switchable.base import Follower, SwitchableProvider

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import AnyValue, Attributes

    from telemetry.logs.otel_api import LogRecord, SeverityNumber

__all__ = ["SwitchableLogger", "SwitchableLoggerProvider"]


class SwitchableLoggerProvider(SwitchableProvider[LoggerProvider], LoggerProvider):
    """Hands out loggers that always use the current real provider. Thread-safe."""

    def __init__(self) -> None:
        super().__init__(NoOpLoggerProvider)

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> SwitchableLogger:
        """Return a logger for the instrumentation scope; arguments as in the API."""
        return SwitchableLogger(self, (name, version, schema_url, attributes))


class SwitchableLogger(Follower[LoggerProvider, Logger], Logger):
    """A logger that uses the current real provider for every record. Thread-safe.

    Args:
        provider: Knows the current real provider.
        scope: The arguments of `get_logger`.
    """

    def __init__(
        self,
        provider: SwitchableLoggerProvider,
        scope: tuple[str, str | None, str | None, Attributes],
    ) -> None:
        self._scope = scope
        super().__init__(provider)

    def _make(self, provider: LoggerProvider) -> Logger:
        return provider.get_logger(*self._scope)

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
        """Emit a record on the current provider; arguments as in the API."""
        if record is not None:
            self.current.emit(record)
            return
        self.current.emit(
            timestamp=timestamp,
            observed_timestamp=observed_timestamp,
            context=context,
            severity_number=severity_number,
            severity_text=severity_text,
            body=body,
            attributes=attributes,
            event_name=event_name,
            exception=exception,
        )

    def enabled(
        self,
        *,
        context: Context | None = None,
        severity_number: SeverityNumber | None = None,
        event_name: str | None = None,
    ) -> bool:
        """Tell whether the current provider would take such a record."""
        return self.current.enabled(context=context, severity_number=severity_number, event_name=event_name)
