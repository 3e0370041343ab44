# SPDX-License-Identifier: Apache-2.0
"""The providers of an application that has set OpenTelemetry up itself."""

from __future__ import annotations

import logging
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from telemetry.logs.otel_api import get_logger_provider
from telemetry.pipeline.delivery.outcomes import FlushResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.exporters.base import Exporters
    from telemetry.pipeline.delivery.outcomes import ExporterStatus
    from telemetry.pipeline.process.fork_safe import ForkSafe
    from telemetry.pipeline.span_reader import SpanReader, SpanRelay

__all__ = ["InheritedProviders"]

_logger = logging.getLogger("telemetry")


class InheritedProviders:
    """The global providers as the application set them. Nothing of theirs is changed or replaced.

    Delivery is the application's own affair, so there are no books of it here.

    Args:
        relay_on: Returns the span processor that was added to a provider once; None where it takes none.
    """

    takes_exemplars = False

    def __init__(self, relay_on: Callable[[object], SpanRelay | None]) -> None:
        self._relay_on = relay_on
        self._relay: SpanRelay | None = None
        self.meter_provider = metrics.get_meter_provider()
        self.tracer_provider = trace.get_tracer_provider()
        self.logger_provider = get_logger_provider()
        self.exporters: dict[str, Exporters] = {}

    @property
    def exports_logs(self) -> bool:
        """False: the application has its own log export, and a second one would send everything twice."""
        return False

    def let_read(self, reader: SpanReader) -> None:
        """Lets a reader see every span from now on, where the provider takes span processors."""
        self._relay = self._relay_on(self.tracer_provider)
        if self._relay is not None:
            self._relay.reader = reader

    def flush(self, deadline: float) -> FlushResult:
        """Asks the application's providers to flush, and waits until `deadline` (`time.monotonic()`)."""
        # In a thread: the SDK's providers take a timeout but do not keep it.
        thread = Thread(target=self._flush_all, args=(deadline,), name="kairos-flush", daemon=True)
        thread.start()
        thread.join(max(0.0, deadline - monotonic()))
        return self.result()

    def shutdown(self, deadline: float) -> FlushResult:  # noqa: ARG002 - one signature for both kinds
        """Leaves the application's providers alone; nothing is read any more."""
        if self._relay is not None:
            self._relay.reader = None
        return self.result()

    @property
    def fork_safe(self) -> list[ForkSafe]:
        """Nothing: what forks do to the application's exporters is the application's affair."""
        return []

    def result(self) -> FlushResult:
        """Returns an empty result."""
        return FlushResult()

    def status(self) -> list[ExporterStatus]:
        """Returns no books."""
        return []

    def _flush_all(self, deadline: float) -> None:
        for provider in (self.meter_provider, self.tracer_provider, self.logger_provider):
            force_flush = getattr(provider, "force_flush", None)
            left_millis = int((deadline - monotonic()) * 1000)
            if force_flush is not None and left_millis > 0:
                try:
                    force_flush(left_millis)
                except Exception as error:  # noqa: BLE001 - a vendor's provider; the SDK's raises when a reader fails
                    _logger.warning("%s could not flush: %s", type(provider).__name__, error)
