# SPDX-License-Identifier: Apache-2.0
"""The one handle: the only mutable state of this package that is not an object's own.

Functions are bound to it when they are imported, often long before `init`; what is active is
looked up in it at every call. Importing it imports nothing else.
"""

from __future__ import annotations

from _thread import RLock

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this module
if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter

    from telemetry.classification import Classifier
    from telemetry.metrics.error_counts import ErrorSeries
    from telemetry.metrics.instrument_set import InstrumentSet
    from telemetry.pipeline.lasting_meter import LastingMeter
    from telemetry.pipeline.process.exits import Exits
    from telemetry.pipeline.recorder import Recorder
    from telemetry.pipeline.span_reader import SpanRelay
    from telemetry.pipeline.switchable.globals import GlobalProviders
    from telemetry.pipeline.telemetry import Telemetry

    Setters = dict[object, dict[object, Callable[[], None]]]

__all__ = ["HANDLE", "Handle"]


class Handle:
    """What is active, and what outlives any one pipeline.

    Attributes:
        recorder: The active pipeline's recording side; None makes every record call a no-op.
        telemetry: The active pipeline.
        short_cuts: The recorder's, one look-up nearer; None while nothing is active.
        health_setters: Likewise those of `kairos.health.status`.
        circuit_setters: Likewise those of `kairos.circuitbreaker.state`.
        starting: Held while a pipeline is set up.
        exits: What ends the active pipeline before the process ends; made with the first one.
    """

    __slots__ = (
        "_classifier",
        "_global_providers",
        "_instruments",
        "_lasting_meter",
        "_span_relay",
        "circuit_setters",
        "exits",
        "health_setters",
        "recorder",
        "short_cuts",
        "starting",
        "telemetry",
    )

    def __init__(self) -> None:
        self.starting = RLock()
        self.recorder: Recorder | None = None
        self.telemetry: Telemetry | None = None
        self.short_cuts: dict[str | None, dict[type, ErrorSeries]] | None = None
        self.health_setters: Setters | None = None
        self.circuit_setters: Setters | None = None
        self.exits: Exits | None = None
        self._classifier: Classifier | None = None
        self._instruments: InstrumentSet | None = None
        self._global_providers: GlobalProviders | None = None
        self._lasting_meter: LastingMeter | None = None
        self._span_relay: SpanRelay | None = None

    @property
    def classifier(self) -> Classifier:
        """Classification with the user's own rules; made on first use."""
        if self._classifier is None:
            from telemetry.classification import Classifier

            self._classifier = Classifier()
        return self._classifier

    @property
    def instruments(self) -> InstrumentSet:
        """The user's own bound instruments; made on first use."""
        if self._instruments is None:
            from telemetry.metrics.instrument_set import InstrumentSet

            self._instruments = InstrumentSet()
        return self._instruments

    @property
    def global_providers(self) -> GlobalProviders:
        """The process's global OpenTelemetry providers; made on first use."""
        if self._global_providers is None:
            from telemetry.pipeline.switchable.globals import GlobalProviders

            self._global_providers = GlobalProviders()
        return self._global_providers

    def lasting_meter(self, meter: Meter) -> LastingMeter:
        """Returns what to publish on where the meter is the application's; the same one in every pipeline."""
        if self._lasting_meter is None or self._lasting_meter.meter is not meter:
            from telemetry.pipeline.lasting_meter import LastingMeter

            self._lasting_meter = LastingMeter(meter)
        return self._lasting_meter

    def span_relay(self, provider: object) -> SpanRelay | None:
        """Returns the span processor on an application's provider, the same one in every pipeline.

        None where the provider takes no span processors.
        """
        if self._span_relay is None or self._span_relay.provider is not provider:
            add = getattr(provider, "add_span_processor", None)
            if add is None:
                return None
            from telemetry.pipeline.span_reader import SpanRelay

            self._span_relay = SpanRelay(provider)
            add(self._span_relay)
        return self._span_relay

    def activate(self, telemetry: Telemetry) -> None:
        """Makes a pipeline the active one, also for libraries that use the global providers."""
        self.telemetry = telemetry
        recorder = self.recorder = telemetry.recorder
        self.short_cuts = recorder.short_cuts
        self.health_setters = recorder.health.setters
        self.circuit_setters = recorder.circuit.setters
        telemetry.go_global(self.global_providers)

    def deactivate(self, telemetry: Telemetry) -> None:
        """Makes every record call a no-op, unless another pipeline has become active since."""
        if self.telemetry is telemetry:
            self.set_aside()

    def release(self) -> None:
        """Lets the process end as it likes: the pipeline has ended."""
        if self.exits is not None and self.telemetry is None:
            self.exits.unwatch()

    def renew_locks(self) -> None:
        """Replaces, in a forked child, the locks of what outlives a pipeline: a thread may have held them."""
        self.starting = RLock()
        if self._instruments is not None:
            self._instruments.reset_locks()
        if self._classifier is not None:
            self._classifier.reset_lock()

    def set_aside(self) -> Telemetry | None:
        """Deactivates the active pipeline without shutting it down; `activate` brings it back."""
        telemetry, self.telemetry, self.recorder = self.telemetry, None, None
        self.short_cuts = self.health_setters = self.circuit_setters = None
        if self._global_providers is not None:
            self._global_providers.switch(None, None, None)
        return telemetry


HANDLE = Handle()
