# SPDX-License-Identifier: Apache-2.0
"""`Telemetry`: one running pipeline, from `init` to `shutdown`."""

from __future__ import annotations

import atexit
import logging
from threading import RLock
from time import monotonic, time_ns
from typing import TYPE_CHECKING

from opentelemetry.trace import set_span_in_context

from telemetry import conventions as names
from telemetry.logs.otel_api import LogRecord, SeverityNumber
from telemetry.metrics.error_counts import ErrorCounts
from telemetry.metrics.genai import GenAIMetrics
from telemetry.metrics.limits import Limits
from telemetry.metrics.publication import Publication, PublishingMeter
from telemetry.metrics.rate import SAMPLE_SECONDS
from telemetry.metrics.states import circuit_states, health_states
from telemetry.pipeline.genai_sink import ConfiguredGenAI
from telemetry.pipeline.inherited import InheritedProviders
from telemetry.pipeline.owned import OwnedProviders
from telemetry.pipeline.process.exits import keep_interrupt
from telemetry.pipeline.process.ticker import Ticker
from telemetry.pipeline.recorder import Recorder
from telemetry.pipeline.self_metrics import SelfMetrics
from telemetry.pipeline.switchable.globals import GlobalProviders
from telemetry.pipeline.trouble import Trouble
from telemetry.tracing.span_errors import SpanErrors
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

    from telemetry.config import Settings
    from telemetry.exporters.base import Exporters
    from telemetry.logs.otel_api import Logger
    from telemetry.metrics.instruments import Counter
    from telemetry.pipeline.delivery.outcomes import ExporterStatus, FlushResult
    from telemetry.pipeline.handle import Handle
    from telemetry.pipeline.span_reader import ReaderFactory

__all__ = ["Telemetry"]

_logger = logging.getLogger("telemetry")
_SCOPE = (names.SCOPE_NAME, __version__)
Series = tuple[dict[str, object], float]


class Telemetry:
    """A running pipeline.

    Calling it shuts it down (`shutdown = telemetry.init(...)`; `shutdown()`); as a context manager,
    sync or async, it shuts down at the end of the block. Thread-safe.

    Attributes:
        config: The settings in effect.
        meter: OpenTelemetry meter of this pipeline, for instruments of your own.
        tracer: OpenTelemetry tracer of this pipeline.
        logger: OpenTelemetry logger of this pipeline. All three may be kept: in a forked child they record
            into the child's pipeline.
    """

    def __init__(self, handle: Handle, config: Settings, make_reader: ReaderFactory | None = None) -> None:
        self.config = config
        self._make_reader = make_reader
        self._handle = handle
        self._user_instruments = handle.instruments
        self._lasting = GlobalProviders()  # of this pipeline only: they outlive a fork, its providers do not
        self._build(is_child=False)
        lasting: GlobalProviders | InheritedProviders = self._lasting
        if isinstance(self._providers, InheritedProviders):
            lasting = self._providers
        self.meter: Meter = lasting.meter_provider.get_meter(*_SCOPE)
        self.tracer: Tracer = lasting.tracer_provider.get_tracer(*_SCOPE)
        self.logger: Logger = lasting.logger_provider.get_logger(*_SCOPE)

    def _build(self, *, is_child: bool) -> None:
        config = self.config
        self._lock = RLock()  # a signal handler may shut down what is being shut down
        self._result: FlushResult | None = None
        limits = Limits(config.cardinality_limit, config.attribute_value_limit)
        trouble = Trouble()
        self._counts = ErrorCounts(limits)
        self._self_metrics = SelfMetrics(limits, self._user_instruments.limits, trouble)
        self._providers: OwnedProviders | InheritedProviders
        if config.all_exporters == ("inherit",):
            self._providers = InheritedProviders(self._handle.span_relay)
        else:
            self._providers = OwnedProviders(
                config, self._self_metrics, self._counters, limits, trouble, is_child=is_child
            )
        own = self._providers
        self._lasting.switch(own.tracer_provider, own.meter_provider, own.logger_provider)
        self._meter: Meter = own.meter_provider.get_meter(*_SCOPE)
        self._tracer: Tracer = own.tracer_provider.get_tracer(*_SCOPE)
        self._logger: Logger = own.logger_provider.get_logger(*_SCOPE)
        self._genai_metrics = GenAIMetrics(config.semconv_gen_ai, limits)
        with_twins = config.semconv != names.SEMCONV_KAIROS
        self.recorder = Recorder(
            self._handle.classifier,
            self._counts,
            health_states(limits, with_twin=with_twins),
            circuit_states(limits, with_twin=with_twins),
            SpanErrors(config.attribute_value_limit, self._emit),
            self._tracer,
            ConfiguredGenAI(config, self._genai_metrics, self._emit),
            trouble,
        )
        self._read_spans()

    def _read_spans(self) -> None:
        if self._make_reader is not None:
            self._providers.let_read(self._make_reader(self.recorder))

    def publish(self) -> None:
        """Makes every instrument visible to the readers, the user's own ones from zero."""
        self._user_instruments.limits.series = self.config.cardinality_limit
        self._user_instruments.limits.attribute_bytes = self.config.attribute_value_limit
        meter: PublishingMeter = self._meter
        if isinstance(self._providers, InheritedProviders):
            meter = self._handle.lasting_meter(self._meter)
        self._housekeeper = Ticker("kairos-housekeeping", SAMPLE_SECONDS, self._keep_house)
        self._publication = Publication(
            meter, exemplars=self._providers.takes_exemplars, housekeeping=self._housekeeper.start
        )
        self._counts.on_first_error = self._housekeeper.start
        recorder = self.recorder
        for group in (
            self._counts,
            recorder.health,
            recorder.circuit,
            self._genai_metrics,
            self._self_metrics,
        ):
            group.publish(self._publication)
        self._user_instruments.publish(self._publication)
        if isinstance(self._providers, OwnedProviders):
            self._providers.meter_provider.publish(self._publication)
        atexit.register(self._at_exit)

    def go_global(self, providers: GlobalProviders) -> None:
        """Lets libraries that use OpenTelemetry's global providers record into this pipeline."""
        if isinstance(self._providers, InheritedProviders):
            return  # the globals are the application's
        taken = providers.install()
        if taken:
            _logger.warning(
                "The application has set its own global OpenTelemetry providers (%s), so what other "
                "libraries record goes there and not to this pipeline. To use those providers for "
                "everything, set the exporter to 'inherit'.",
                ", ".join(taken),
            )
        own = self._providers
        providers.switch(own.tracer_provider, own.meter_provider, own.logger_provider)

    def restart_in_child(self) -> None:
        """Builds everything anew in a forked child: an instance of its own that counts from zero."""
        if isinstance(self._providers, InheritedProviders):
            # The providers, and what a fork does to them, are the application's. The reader's lock may be
            # held by a thread that the child does not have.
            self._read_spans()
            return
        self._providers.abandon_in_child()
        self._build(is_child=True)
        self.publish()

    # -- life ------------------------------------------------------------------------------

    def force_flush(self, timeout: float | None = None) -> FlushResult:
        """Exports everything recorded so far.

        Args:
            timeout: Seconds after which it returns, whatever the receiver does. Default:
                `shutdown_timeout_seconds`.

        Returns:
            What became of the records since `init`, per signal.
        """
        if self._result is not None:
            return self._result
        return self._providers.flush(monotonic() + self._timeout(timeout))

    def shutdown(self, timeout: float | None = None) -> FlushResult:
        """Exports what is left and ends this pipeline; afterwards every record call is a no-op.

        Args:
            timeout: Seconds after which it returns, whatever the receiver does. Default:
                `shutdown_timeout_seconds`.

        Returns:
            What became of the records since `init`, per signal. A second call returns the same.
        """
        deadline = monotonic() + self._timeout(timeout)
        if not self._lock.acquire(timeout=max(0.0, deadline - monotonic())):
            return self._providers.result()  # another thread is at it, with more time than this one has
        try:
            if self._result is None:
                self._handle.deactivate(self)
                self._result = self._providers.shutdown(deadline)
                self._housekeeper.stop()
                self._user_instruments.withdraw(self._publication)
                atexit.unregister(self._at_exit)
                self._handle.release()
            return self._result
        finally:
            self._lock.release()

    def __call__(self, timeout: float | None = None) -> FlushResult:
        """Shuts down."""
        return self.shutdown(timeout)

    def __enter__(self) -> Telemetry:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.shutdown()

    async def __aenter__(self) -> Telemetry:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        import asyncio

        await asyncio.to_thread(self.shutdown)  # waiting for a receiver must not stop the event loop

    @property
    def is_shut_down(self) -> bool:
        """Whether `shutdown` was called."""
        return self._result is not None

    # -- looking at it ---------------------------------------------------------------------

    def status(self) -> list[ExporterStatus]:
        """Returns what each exporter did with each signal since `init`."""
        return self._providers.status()

    def snapshot(self) -> dict[str, list[Series]]:
        """Returns the current (attributes, value) pairs of our counters and gauges, by metric name."""
        readings: dict[str, list[Series]] = {
            name: [
                (dict(cell.attributes), value)
                for cell in counter.cells()
                if (value := cell.published()) is not None
            ]
            for name, counter in self._counters().items()
        }
        readings[names.ERRORS_RATE] = [(dict(attributes), rate) for attributes, rate in self._counts.rates()]
        for name, states in (
            (names.HEALTH_STATUS, self.recorder.health),
            (names.CIRCUIT_STATE, self.recorder.circuit),
        ):
            readings[name] = [(dict(attributes), value) for attributes, value in states.current()]
        for name, gauge in self._user_instruments.gauges().items():
            readings[name] = [
                (dict(cell.attributes), value) for cell in gauge.cells() if (value := cell.read()) is not None
            ]
        return {name: series for name, series in readings.items() if series}

    def log_target(self, name: str) -> Logger | None:
        """Returns the OpenTelemetry logger that log records of a scope are exported on, if they are."""
        return self._providers.logger_provider.get_logger(name) if self._providers.exports_logs else None

    @property
    def exporters(self) -> Mapping[str, Exporters]:
        """The exporters of this pipeline by name; empty with `inherit`."""
        return self._providers.exporters

    @property
    def providers(self) -> OwnedProviders | InheritedProviders:
        """The OpenTelemetry providers of this pipeline."""
        return self._providers

    # -- private ---------------------------------------------------------------------------

    def _counters(self) -> dict[str, Counter]:
        own = (
            self._counts.total,
            self._counts.recovered,
            self._self_metrics.dropped,
            self._self_metrics.truncated,
        )
        return {**self._user_instruments.counters(), **{counter.name: counter for counter in own}}

    def _keep_house(self) -> None:
        self._counts.window.sample()
        self._publication.prepare()

    def _timeout(self, timeout: float | None) -> float:
        return self.config.shutdown_timeout_seconds if timeout is None else max(0.0, timeout)

    def _at_exit(self) -> None:
        self.shutdown()
        keep_interrupt()

    def _emit(self, span: Span, event_name: str, attributes: Mapping[str, AttributeValue]) -> None:
        self._logger.emit(
            LogRecord(
                timestamp=time_ns(),
                observed_timestamp=time_ns(),
                context=set_span_in_context(span),
                severity_number=SeverityNumber.ERROR
                if names.EXCEPTION_TYPE in attributes
                else SeverityNumber.INFO,
                attributes=dict(attributes),
                event_name=event_name,
            )
        )
