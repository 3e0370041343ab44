# SPDX-License-Identifier: Apache-2.0
"""Instruments that stay in use while the real meter behind them is exchanged: all seven kinds.

Synchronous instruments look for their real one when something is recorded. Observable instruments
cannot wait: their callbacks are registered on every new provider as soon as it is current.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from opentelemetry.metrics import (
    CallbackOptions,
    CallbackT,
    Counter,
    Histogram,
    Instrument,
    Meter,
    MeterProvider,
    NoOpMeter,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    Observation,
    UpDownCounter,
)
from opentelemetry.metrics import _Gauge as Gauge  # the API's own name for it; a public one is still missing

from telemetry.pipeline.guarded.foreign_callbacks import Callback, as_function
from telemetry.pipeline.switchable.base import Follower

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes

    from telemetry.pipeline.switchable.metrics import SwitchableMeter

__all__ = [
    "SwitchableCounter",
    "SwitchableGauge",
    "SwitchableHistogram",
    "SwitchableObservableCounter",
    "SwitchableObservableGauge",
    "SwitchableObservableUpDownCounter",
    "SwitchableUpDownCounter",
]

_LOG = logging.getLogger("telemetry.pipeline")
_InstrumentT = TypeVar("_InstrumentT", bound=Instrument)


class _Switchable(Follower[MeterProvider, _InstrumentT]):
    """Stands for an instrument; created at once, so that a name the SDK refuses is refused where it is given.

    Args:
        meter: Knows the current real meter.
        name: The instrument's name.
    """

    def __init__(self, meter: SwitchableMeter, name: str) -> None:
        self._meter = meter
        self._instrument_name = name
        super().__init__(meter.provider)

    @abstractmethod
    def _create_on(self, provider: MeterProvider, real_meter: Meter) -> _InstrumentT:
        """Create the real instrument on this provider's meter."""

    def _make(self, provider: MeterProvider) -> _InstrumentT:
        return self._create_on(provider, self._meter.on(provider))

    def _rebind(self) -> _InstrumentT:
        try:
            return super()._rebind()
        except Exception:  # noqa: BLE001 - an SDK that refuses what the one before took: recording goes on
            _LOG.warning(
                "instrument %r cannot be created on the new MeterProvider",
                self._instrument_name,
                exc_info=True,
            )
            provider = self._provider.current
            nothing = self._create_on(provider, NoOpMeter(self._meter.name))
            self._bound = (provider, nothing)
            return nothing


class _Synchronous(_Switchable[_InstrumentT]):
    """An instrument that is recorded to.

    Args:
        meter: Knows the current real meter.
        name: The instrument's name.
        create: Creates the real instrument on a meter.
    """

    def __init__(self, meter: SwitchableMeter, name: str, create: Callable[[Meter], _InstrumentT]) -> None:
        self._create = create
        super().__init__(meter, name)

    def _create_on(self, provider: MeterProvider, real_meter: Meter) -> _InstrumentT:  # noqa: ARG002 - see _Observable
        return self._create(real_meter)


class SwitchableCounter(_Synchronous[Counter], Counter):
    """A counter on the current provider."""

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Add to the current provider's counter."""
        self.current.add(amount, attributes, context)


class SwitchableUpDownCounter(_Synchronous[UpDownCounter], UpDownCounter):
    """An up-down counter on the current provider."""

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Add to the current provider's counter."""
        self.current.add(amount, attributes, context)


class SwitchableHistogram(_Synchronous[Histogram], Histogram):
    """A histogram on the current provider."""

    def record(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Record on the current provider's histogram."""
        self.current.record(amount, attributes, context)


class SwitchableGauge(_Synchronous[Gauge], Gauge):
    """A gauge on the current provider."""

    def set(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Set the current provider's gauge."""
        self.current.set(amount, attributes, context)


_Observing = Callable[[Meter, Sequence[CallbackT]], _InstrumentT]


class _Observable(_Switchable[_InstrumentT]):
    """Registers its callbacks on every provider that becomes current.

    Args:
        meter: Knows the current real meter.
        name: The instrument's name.
        callbacks: What the API was given.
        create: Creates the real instrument, with callbacks, on a meter.
    """

    def __init__(
        self,
        meter: SwitchableMeter,
        name: str,
        callbacks: Sequence[CallbackT] | None,
        create: _Observing[_InstrumentT],
    ) -> None:
        self._functions = _functions(name, callbacks)
        self._create = create
        super().__init__(meter, name)

    def _create_on(self, provider: MeterProvider, real_meter: Meter) -> _InstrumentT:
        guarded = [_while_current(self._meter, provider, function) for function in self._functions]
        return self._create(real_meter, guarded)

    def follow(self) -> None:
        """Register the callbacks on the current provider, unless that has happened."""
        _ = self.current


class SwitchableObservableCounter(_Observable[ObservableCounter], ObservableCounter):
    """An observable counter on the current provider."""


class SwitchableObservableUpDownCounter(_Observable[ObservableUpDownCounter], ObservableUpDownCounter):
    """An observable up-down counter on the current provider."""


class SwitchableObservableGauge(_Observable[ObservableGauge], ObservableGauge):
    """An observable gauge on the current provider."""


def _functions(name: str, callbacks: object) -> list[Callback]:
    """Return the callbacks as functions: a generator must be started once only, for all providers."""
    try:
        return [as_function(callback) for callback in callbacks or ()]  # type: ignore[attr-defined]  # whatever was given
    except Exception:  # noqa: BLE001 - no sequence at all: the instrument observes nothing
        _LOG.warning("instrument %r has callbacks that cannot be read", name, exc_info=True)
        return []


def _while_current(meter: SwitchableMeter, owner: MeterProvider, function: Callback) -> Callback:
    """Keep a provider that was put aside (a test's surroundings, for instance) from observing too."""

    def observe(options: CallbackOptions) -> Iterable[Observation]:
        return function(options) if meter.provider.current is owner else ()

    return observe
