# SPDX-License-Identifier: Apache-2.0
"""The SDK's MeterProvider, with instruments that never raise, never deadlock and never stop the others."""

from __future__ import annotations

from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.metrics import Meter, NoOpMeter
from opentelemetry.sdk.metrics import MeterProvider

from telemetry.pipeline.guarded.foreign_callbacks import ForeignCallbacks
from telemetry.pipeline.guarded.instruments import (
    GuardedCounter,
    GuardedGauge,
    GuardedHistogram,
    GuardedUpDownCounter,
)
from telemetry.pipeline.guarded.measurements import Measurements
from telemetry.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.metrics import (
        CallbackT,
        ObservableCounter,
        ObservableGauge,
        ObservableUpDownCounter,
    )
    from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
    from opentelemetry.util.types import Attributes

    from telemetry.metrics.limits import Limits
    from telemetry.metrics.publication import Publication
    from telemetry.pipeline.trouble import Trouble

__all__ = ["GuardedMeter", "GuardedMeterProvider"]

_T = TypeVar("_T")
_OURS = "telemetry.metrics."
"""Callbacks from modules of ours are quick and raise nothing; they need no thread."""


class GuardedMeterProvider(MeterProvider):
    """A MeterProvider of the SDK's, with our meters.

    Args:
        limits: Of attributes; counts what is refused.
        trouble: Takes what could not be recorded.
        **settings: The SDK's.
    """

    def __init__(self, limits: Limits, trouble: Trouble, **settings: Any) -> None:
        super().__init__(**settings)
        self._trouble = trouble
        self._limits = limits
        self._measurements = Measurements(trouble)
        self._callbacks = ForeignCallbacks(limits, trouble)
        self._guarded: dict[Meter, GuardedMeter] = {}
        # A destructor that runs in the middle of these may ask for a meter or instrument as well. The SDK
        # has no public names for them; tests/faults/test_r11_reentrancy.py sees when one is renamed.
        self._meter_lock = RLock()  # type: ignore[assignment]  # reentrant, see above
        consumer: Any = self._measurement_consumer
        consumer._lock = RLock()  # noqa: SLF001 - see above
        for reader in self._metric_readers:
            collect: Any = self._collect
            reader._set_collect_callback(collect)  # noqa: SLF001 - what the SDK itself calls, with its consumer's

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Meter:
        """Returns a meter for the instrumentation scope; arguments as in the API. Never raises."""
        known = name if type(name) is str else printable(name)
        try:
            real = super().get_meter(known, version, schema_url, attributes)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._trouble.report("get_meter", problem)
            real = super().get_meter(known)
        if isinstance(real, NoOpMeter):
            return real
        return self._guarded.get(real) or self._guarded.setdefault(
            real, GuardedMeter(real, self._measurements, self._callbacks, self._limits, self._trouble)
        )

    def publish(self, publication: Publication) -> None:
        """Lets the publication's housekeeping hand measurements over from now on."""
        self._measurements.publish(publication)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Ends readers, and the thread of callbacks."""
        self._callbacks.close()
        super().shutdown(timeout_millis)

    def _collect(self, reader: MetricReader, timeout_millis: float = 10_000) -> MetricsData | None:
        return self._measurements.before(lambda: self._measurement_consumer.collect(reader, timeout_millis))


class GuardedMeter(Meter):
    """A meter whose instruments never raise.

    One that cannot be created (its name is not allowed, for instance) measures nothing; that is counted.

    Args:
        real: The SDK's meter.
        measurements: Where measurements wait.
        callbacks: Runs callbacks of observable instruments.
        limits: Of attributes; counts what is refused.
        trouble: Takes what could not be created.
    """

    def __init__(
        self,
        real: Meter,
        measurements: Measurements,
        callbacks: ForeignCallbacks,
        limits: Limits,
        trouble: Trouble,
    ) -> None:
        super().__init__(real.name, real.version, real.schema_url)
        own: Any = real
        # Reentrant for the same reason as the provider's.
        own._instrument_registration_lock = own._instrument_ids_lock = RLock()  # noqa: SLF001 - see GuardedMeterProvider
        self._real = real
        self._measurements = measurements
        self._callbacks = callbacks
        self._limits = limits
        self._trouble = trouble
        self._known: dict[object, Any] = {}

    def create_counter(self, name: str, unit: str = "", description: str = "") -> GuardedCounter:
        """Creates a counter; arguments as in the API, here and below."""
        return self._guard(GuardedCounter, self._create("create_counter", name, unit, description), name)

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> GuardedUpDownCounter:
        """Creates an up-down counter."""
        real = self._create("create_up_down_counter", name, unit, description)
        return self._guard(GuardedUpDownCounter, real, name)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> GuardedHistogram:
        """Creates a histogram."""
        buckets = explicit_bucket_boundaries_advisory
        real = self._create(
            "create_histogram", name, unit, description, explicit_bucket_boundaries_advisory=buckets
        )
        return self._guard(GuardedHistogram, real, name)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> GuardedGauge:
        """Creates a gauge."""
        return self._guard(GuardedGauge, self._create("create_gauge", name, unit, description), name)

    def create_observable_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableCounter:
        """Creates an observable counter."""
        made: ObservableCounter = self._observe(
            "create_observable_counter", name, callbacks, unit, description
        )
        return made

    def create_observable_up_down_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableUpDownCounter:
        """Creates an observable up-down counter."""
        made: ObservableUpDownCounter = self._observe(
            "create_observable_up_down_counter", name, callbacks, unit, description
        )
        return made

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableGauge:
        """Creates an observable gauge."""
        made: ObservableGauge = self._observe("create_observable_gauge", name, callbacks, unit, description)
        return made

    def _create(self, method: str, *arguments: object, **named: object) -> Any:
        try:
            return getattr(self._real, method)(*arguments, **named)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._trouble.report(f"an instrument named {printable(arguments[0])[:80]!r}", problem)
            return getattr(NoOpMeter(self._name), method)("unusable")

    def _guard(self, kind: Callable[..., _T], real: Any, name: object) -> _T:
        guarded: _T | None = self._known.get(real)
        if guarded is None:
            made = kind(real, printable(name), self._measurements, self._limits)
            guarded = self._known.setdefault(real, made)
        return guarded

    def _observe(self, method: str, name: object, callbacks: Any, *about: object) -> Any:
        try:
            guarded = [
                callback
                if str(getattr(callback, "__module__", "")).startswith(_OURS)
                else self._callbacks.guarded(printable(name), callback)
                for callback in callbacks or ()
            ]
        except Exception as problem:  # noqa: BLE001 - no sequence, or something whose own methods raise
            self._trouble.report(f"callbacks of {printable(name)[:80]!r}", problem)
            guarded = []
        return self._create(method, name, guarded, *about)
