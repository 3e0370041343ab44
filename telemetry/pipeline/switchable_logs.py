# SPDX-License-Identifier: Apache-2.0
"""A LoggerProvider whose real provider can be exchanged while the loggers it gave out stay in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.logs.otel_api import Logger, LoggerProvider, NoOpLoggerProvider

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import AnyValue, Attributes

    from telemetry.logs.otel_api import LogRecord, SeverityNumber

__all__ = ["SwitchableLogger", "SwitchableLoggerProvider"]


class SwitchableLoggerProvider(LoggerProvider):
    """Hands out loggers that always use the current real provider. Thread-safe, without locks.

    Attributes:
        current: The real provider; without a pipeline a no-op one. What the API does not know
            (`add_log_record_processor`, `force_flush`, ...) is asked of it.
    """

    def __init__(self) -> None:
        self.current: LoggerProvider = NoOpLoggerProvider()

    def switch(self, provider: LoggerProvider | None) -> None:
        """Use this provider from now on; None: record nothing."""
        self.current = NoOpLoggerProvider() if provider is None else provider

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> SwitchableLogger:
        """Return a logger for the instrumentation scope; arguments as in the API."""
        return SwitchableLogger(self, name, version, schema_url, attributes)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "current":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.current, name)


class SwitchableLogger(Logger):
    """A logger that uses the current real provider for every record. Thread-safe.

    Args:
        provider: Knows the current real provider.
        name: Instrumentation scope.
        version: Its version.
        schema_url: Its schema.
        attributes: Its attributes.
    """

    def __init__(
        self,
        provider: SwitchableLoggerProvider,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> None:
        super().__init__(name, version, schema_url, attributes)
        self._provider = provider
        self._bound = self._bind()

    def _bind(self) -> tuple[LoggerProvider, Logger]:
        provider = self._provider.current
        logger = provider.get_logger(self._name, self._version, self._schema_url, self._attributes)
        self._bound = bound = (provider, logger)
        return bound

    @property
    def current(self) -> Logger:
        """The real logger of the current provider."""
        bound = self._bound
        return bound[1] if bound[0] is self._provider.current else self._bind()[1]

    def emit(  # type: ignore[override]  # the API's overloads say the same in two signatures
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
