# SPDX-License-Identifier: Apache-2.0
"""Where cells become OpenTelemetry data: one meter, for as long as its pipeline lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opentelemetry.metrics import CallbackOptions, Observation

from telemetry import conventions as names
from telemetry.metrics.cells import fitting
from telemetry.metrics.courtesy import COURTESY
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
        housekeeping: Starts a thread that calls `prepare` about once a second.

    Attributes:
        meter: The same meter.
        is_kept: Whether the housekeeping was started; there is none until something waits.
    """

    def __init__(
        self, meter: PublishingMeter, *, exemplars: bool, housekeeping: Callable[[], None] = lambda: None
    ) -> None:
        self.meter = meter
        self.is_kept = False
        self._exemplars = exemplars
        self._housekeeping = housekeeping
        self._is_live = True
        self._preparations: list[Callable[[], None]] = []
        # Callbacks are asked in the order of registration and before the SDK reads its own
        # instruments: the first one can let everybody get ready. It has nothing to say itself.
        meter.create_observable_gauge(names.COLLECTION, [self.callback(self._prepare)])

    def before_collection(self, prepare: Callable[[], None]) -> None:
        """Calls `prepare` before every collection, and whenever the house is kept."""
        self._preparations.append(prepare)

    def keep_house(self) -> None:
        """Starts the housekeeping, which calls `prepare` about once a second, unless it runs already."""
        self.is_kept = True
        self._housekeeping()

    def prepare(self) -> None:
        """Calls everybody who asked to be called before a collection."""
        for prepare in list(self._preparations):
            prepare()

    def end(self) -> None:
        """Silences every callback of this publication."""
        self._is_live = False

    def callback(self, observe: Callable[[Publication], Iterable[Observation]]) -> Callback:
        """Wraps what an instrument has to say as a callback of an observable instrument.

        The SDK works on each observation when it gets it: between two of them the application's turn comes.
        """

        def call(_options: CallbackOptions) -> Iterable[Observation]:
            return COURTESY.over(observe(self)) if self._is_live else ()

        return call

    def observation(self, value: float, attributes: Labels, exemplar: Exemplar | None = None) -> Observation:
        """Returns one observation, with its exemplar where the reader can take it."""
        context = context_of(exemplar) if exemplar is not None and self._exemplars else None
        return Observation(fitting(value), attributes, context)

    def _prepare(self, _publication: Publication) -> Iterable[Observation]:
        self.prepare()
        return ()
