# SPDX-License-Identifier: Apache-2.0
"""The process's global OpenTelemetry providers: installed once, switched as often as needed.

The API accepts each global provider once per process. A pipeline here may be built again after a
shutdown, by a second `init`, or in a forked child. So what is installed are delegators, and what they
delegate to is switched. Propagation of context needs nothing: W3C trace context and baggage are
the API's own default, and an application that chose other propagators keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from telemetry.logs.otel_api import get_logger_provider, set_logger_provider
from telemetry.pipeline.switchable.logs import SwitchableLoggerProvider
from telemetry.pipeline.switchable.metrics import SwitchableMeterProvider
from telemetry.pipeline.switchable.traces import SwitchableTracerProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from telemetry.logs.otel_api import LoggerProvider

__all__ = [
    "GlobalProviders",
    "SwitchableLoggerProvider",
    "SwitchableMeterProvider",
    "SwitchableTracerProvider",
]

_API_MODULES = ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs")


class GlobalProviders:
    """The three delegating providers of a process. One instance per process, kept by the handle.

    Attributes:
        tracer_provider: Delegates to the current TracerProvider.
        meter_provider: Delegates to the current MeterProvider.
        logger_provider: Delegates to the current LoggerProvider.
    """

    def __init__(self) -> None:
        self.tracer_provider = SwitchableTracerProvider()
        self.meter_provider = SwitchableMeterProvider()
        self.logger_provider = SwitchableLoggerProvider()

    def install(self) -> tuple[str, ...]:
        """Make the three the process's global providers, each unless the application has set its own.

        Calling it again changes nothing and gives the same answer.

        Returns:
            The signals (`traces`, `metrics`, `logs`) whose global provider belongs to the application.
        """
        traces, meters, logs = self.tracer_provider, self.meter_provider, self.logger_provider
        is_ours = {
            "traces": _install(trace.get_tracer_provider, lambda: trace.set_tracer_provider(traces), traces),
            "metrics": _install(
                metrics.get_meter_provider, lambda: metrics.set_meter_provider(meters), meters
            ),
            "logs": _install(get_logger_provider, lambda: set_logger_provider(logs), logs),
        }
        return tuple(signal for signal, ours in is_ours.items() if not ours)

    def switch(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        logger_provider: LoggerProvider | None,
    ) -> None:
        """Delegate to these from now on; None: record nothing of that signal.

        What libraries obtained before, tracers, meters, instruments and loggers, goes on working.
        Thread-safe; a span that was started before ends where it was started.
        """
        self.tracer_provider.switch(tracer_provider)
        self.meter_provider.switch(meter_provider)
        self.logger_provider.switch(logger_provider)


def _install(get: Callable[[], object], set_ours: Callable[[], None], ours: object) -> bool:
    """Set the provider if none is set; tell whether the global one is ours now."""
    current = get()
    if current is ours:
        return True
    # The API has no question "has a provider been set?". Its placeholder for "not yet" is a class of
    # the API itself, while a real provider's class is the SDK's or a vendor's; asking for the module
    # needs no private name. Where the guess is wrong (an application that set the API's no-op
    # provider), setting is refused with a log line, which the last line sees.
    if not type(current).__module__.startswith(_API_MODULES):
        return False
    set_ours()
    return get() is ours
