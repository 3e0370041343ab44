# SPDX-License-Identifier: Apache-2.0
"""What `init` returns with the exporter `none`: the interface of `Telemetry`, doing nothing.

Nothing of OpenTelemetry is imported until somebody asks for a meter, tracer or logger.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from telemetry.config import Settings
    from telemetry.exporters.base import Exporters
    from telemetry.logs.otel_api import Logger
    from telemetry.pipeline.delivery.outcomes import ExporterStatus, FlushResult

__all__ = ["NoTelemetry"]


class NoTelemetry:
    """A pipeline that is off.

    Args:
        load: Returns the settings, for whoever asks for them: reading them is not for free.
    """

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load = load

    @property
    def is_shut_down(self) -> bool:
        """False: there is nothing to shut down."""
        return False

    @property
    def config(self) -> Settings:
        """The settings in effect."""
        return self._load()

    @property
    def exporters(self) -> dict[str, Exporters]:
        """An empty mapping: there are no exporters."""
        return {}

    def log_target(self, name: str) -> None:
        """Returns None: log records are not exported."""

    @property
    def meter(self) -> Meter:
        """A meter that measures nothing."""
        from opentelemetry.metrics import NoOpMeter

        return NoOpMeter("kairos.telemetry")

    @property
    def tracer(self) -> Tracer:
        """A tracer that traces nothing."""
        from opentelemetry.trace import NoOpTracer

        return NoOpTracer()

    @property
    def logger(self) -> Logger:
        """A logger that logs nothing."""
        from telemetry.logs.otel_api import NoOpLogger

        return NoOpLogger("kairos.telemetry")

    def force_flush(self, timeout: float | None = None) -> FlushResult:  # noqa: ARG002 - Telemetry's signature
        """Returns an empty result: there is nothing to export."""
        from telemetry.pipeline.delivery.outcomes import FlushResult

        return FlushResult()

    def shutdown(self, timeout: float | None = None) -> FlushResult:
        """Returns an empty result: there is nothing to end."""
        return self.force_flush(timeout)

    __call__ = shutdown

    def status(self) -> list[ExporterStatus]:
        """Returns an empty list: there are no exporters."""
        return []

    def snapshot(self) -> dict[str, list[tuple[dict[str, object], float]]]:
        """Returns an empty mapping: nothing is counted."""
        return {}

    def __enter__(self) -> NoTelemetry:
        return self

    def __exit__(self, *_exception: object) -> None:
        return None

    async def __aenter__(self) -> NoTelemetry:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        return None
