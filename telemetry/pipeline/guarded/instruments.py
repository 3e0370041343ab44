# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's synchronous instruments, safe for whatever they are given and wherever they are called."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, get_current
from opentelemetry.metrics import Counter, Histogram, UpDownCounter
from opentelemetry.metrics import _Gauge as Gauge  # the API's own name for it; a public one is still missing

from telemetry.metrics.attributes import any_attributes
from telemetry.metrics.numbers import amount_of, number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.util.types import Attributes

    from telemetry.metrics.limits import Limits
    from telemetry.pipeline.guarded.measurements import Measurements

__all__ = ["GuardedCounter", "GuardedGauge", "GuardedHistogram", "GuardedUpDownCounter"]

_MOST_SUM = 2**62
"""From this sum on, whole amounts are added as doubles: a sum beyond 64 bits would block every export."""


class _Guarded:
    """What the four kinds share.

    Args:
        real: The SDK's instrument.
        name: Its name.
        measurements: Where a measurement waits for it.
        limits: Of attributes; counts what is refused.
    """

    def __init__(self, real: Any, name: str, measurements: Measurements, limits: Limits) -> None:
        self._real = real
        self._name = name
        self._put = measurements.put
        self._limits = limits

    def _take(
        self,
        record: Callable[[float, dict[str, object], Context | None], None],
        number: float | None,
        given: object,
        attributes: Attributes,
        context: Context | None,
    ) -> None:
        """Lets a measurement wait, unless it is no number; never raises."""
        limits = self._limits
        if number is None:
            limits.refuse(self._name, given)
            return
        clean = any_attributes(attributes, limits.attribute_bytes, limits.truncated.add_one)
        self._put(record, number, clean, context if issubclass(type(context), Context) else get_current())


class _Summing(_Guarded):
    def __init__(self, real: Any, name: str, measurements: Measurements, limits: Limits) -> None:
        super().__init__(real, name, measurements, limits)
        self._sum = 0

    def _add(self, amount: float, attributes: dict[str, object], context: Context | None) -> None:
        if type(amount) is int:
            self._sum += abs(amount)
            if self._sum >= _MOST_SUM:
                amount = float(amount)
        self._real.add(amount, attributes, context)


class GuardedCounter(_Summing, Counter):
    """A counter."""

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Adds a finite number that is not negative; anything else is refused, counted and logged once."""
        self._take(self._add, amount_of(amount), amount, attributes, context)


class GuardedUpDownCounter(_Summing, UpDownCounter):
    """An up-down counter."""

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Adds a finite number; anything else is refused, counted and logged once."""
        self._take(self._add, number_of(amount), amount, attributes, context)


class GuardedHistogram(_Guarded, Histogram):
    """A histogram.

    Attributes:
        take: Takes (value, attributes, context) that are known to be good.
    """

    def __init__(self, real: Any, name: str, measurements: Measurements, limits: Limits) -> None:
        super().__init__(real, name, measurements, limits)
        # For what `telemetry.metrics` has looked at already: nothing is refused or copied.
        self.take = partial(measurements.put, real.record)

    def record(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Records a finite number that is not negative; anything else is refused, counted and logged once."""
        self._take(self._real.record, amount_of(amount), amount, attributes, context)


class GuardedGauge(_Guarded, Gauge):
    """A gauge."""

    def set(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Sets a finite number; anything else is refused, counted and logged once."""
        self._take(self._real.set, number_of(amount), amount, attributes, context)
