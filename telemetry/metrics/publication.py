# SPDX-License-Identifier: Apache-2.0
"""Where cells become OpenTelemetry data: one meter, for as long as its pipeline lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opentelemetry.metrics import CallbackOptions, Observation

from telemetry.metrics.cells import fitting
from telemetry.metrics.exemplars import context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.metrics import Histogram

    from telemetry.metrics.attributes import Labels
    from telemetry.metrics.cells import Exemplar

    Callback = Callable[[CallbackOptions], Iterable[Observation]]

__all__ = ["Publication", "PublishingMeter"]


class PublishingMeter(Protocol):
    """What is asked of a meter: the creation of instruments, as OpenTelemetry's has it."""

    def create_observable_counter(
        self, name: str, callbacks: Sequence[Callback], unit: str = "", description: str = ""
    ) -> object:
        """Creates a counter."""

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[Callback], unit: str = "", description: str = ""
    ) -> object:
        """Creates a gauge."""

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[Callback], unit: str = "", description: str = ""
    ) -> object:
        """Creates an up-down counter."""

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        """Creates a histogram."""


class Publication:
    """A meter that instruments publish their cells on.

    Callbacks cannot be taken back from a meter that is not ours (`inherit`), so they fall silent
    when the publication ends.

    Args:
        meter: The meter.
        exemplars: Whether the meter's provider has our reservoir. Another one would take the
            running total for the measured value, so without ours no exemplar is handed over.
    """

    def __init__(self, meter: PublishingMeter, *, exemplars: bool) -> None:
        self.meter = meter
        self._exemplars = exemplars
        self._is_live = True

    def end(self) -> None:
        """Silences every callback of this publication."""
        self._is_live = False

    def callback(self, observe: Callable[[Publication], Iterable[Observation]]) -> Callback:
        """Wraps what an instrument has to say as a callback of an observable instrument."""

        def call(_options: CallbackOptions) -> Iterable[Observation]:
            return observe(self) if self._is_live else ()

        return call

    def observation(self, value: float, attributes: Labels, exemplar: Exemplar | None = None) -> Observation:
        """Returns one observation, with its exemplar where the reader can take it."""
        context = context_of(exemplar) if exemplar is not None and self._exemplars else None
        return Observation(fitting(value), attributes, context)
