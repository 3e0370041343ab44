# SPDX-License-Identifier: Apache-2.0
"""A meter of the application's that takes new callbacks for instruments that it knows.

OpenTelemetry ignores the callbacks of an observable instrument that a meter has already, and a meter
of the application's (`inherit`) outlives any pipeline. So each instrument is created once, with a
callback that asks whichever pipeline came last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

    Callback = Callable[[CallbackOptions], Iterable[Observation]]

__all__ = ["LastingMeter"]


class LastingMeter:
    """What a publication needs of a meter. One instance per meter, kept by the handle.

    Args:
        meter: The application's meter.
    """

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self._callbacks: dict[str, Sequence[Callback]] = {}

    def create_observable_counter(
        self, name: str, callbacks: Sequence[Callback], unit: str = "", description: str = ""
    ) -> None:
        """Creates the instrument, or gives it new callbacks."""
        self._relay(self.meter.create_observable_counter, name, callbacks, unit, description)

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[Callback], unit: str = "", description: str = ""
    ) -> None:
        """Creates the instrument, or gives it new callbacks."""
        self._relay(self.meter.create_observable_gauge, name, callbacks, unit, description)

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[Callback], unit: str = "", description: str = ""
    ) -> None:
        """Creates the instrument, or gives it new callbacks."""
        self._relay(self.meter.create_observable_up_down_counter, name, callbacks, unit, description)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        """Creates the instrument, or returns the one there is."""
        return self.meter.create_histogram(
            name, unit, description, explicit_bucket_boundaries_advisory=explicit_bucket_boundaries_advisory
        )

    def _relay(
        self,
        create: Callable[..., object],
        name: str,
        callbacks: Sequence[Callback],
        unit: str,
        description: str,
    ) -> None:
        is_known = name in self._callbacks
        self._callbacks[name] = callbacks
        if is_known:
            return

        def ask_the_newest(options: CallbackOptions) -> Iterable[Observation]:
            for callback in self._callbacks[name]:
                yield from callback(options)

        create(name, [ask_the_newest], unit, description)
