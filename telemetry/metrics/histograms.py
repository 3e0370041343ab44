# SPDX-License-Identifier: Apache-2.0
"""Histograms whose series are bound, and whose measurements reach the SDK a moment later.

The SDK's histogram takes some 8 microseconds per measurement, and there is no observable one that
could be asked instead. So a measurement waits in a queue; it is handed over once a second and before
every collection, and nothing that is recorded before a collection is missing from it.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from telemetry.metrics.cells import EXEMPLAR_LOOKS
from telemetry.metrics.instruments import Instrument
from telemetry.metrics.numbers import amount_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import Histogram as OTelHistogram

    from telemetry.metrics.attributes import Labels
    from telemetry.metrics.limits import Limits
    from telemetry.metrics.publication import Publication

    Take = Callable[[float, Labels, Context | None], None]

__all__ = ["Histogram", "HistogramCell"]

MOST_WAITING = 16_384
"""Measurements that may wait; further ones go to the SDK at once, so that none is lost."""


class HistogramCell:
    """One histogram series.

    Attributes:
        attributes: The attributes of the series.
    """

    __slots__ = ("_instrument", "attributes")

    def __init__(self, attributes: Labels, instrument: Histogram) -> None:
        self.attributes = attributes
        self._instrument = instrument

    def record(self, value: float) -> None:
        """Records one measurement; does nothing while no pipeline is active.

        Args:
            value: Finite and not negative; anything else is refused, which is counted and logged once.
        """
        self._instrument.take(value, self.attributes)


class Histogram(Instrument[HistogramCell]):
    """A histogram whose series are bound: `histogram.bind({...}).record(v)`."""

    def __init__(
        self, name: str, unit: str, description: str, limits: Limits, buckets: Sequence[float] | None
    ) -> None:
        super().__init__(name, unit, description, limits)
        self._buckets = buckets
        self._target: OTelHistogram | None = None
        self._take: Take | None = None
        self._publication: Publication | None = None
        self._waiting: deque[tuple[float, Labels, Context | None]] = deque()
        self._exemplar_looks = EXEMPLAR_LOOKS

    def take(self, value: float, attributes: Labels) -> None:
        """Lets one measurement wait for the meter that it is published on, if any."""
        publication = self._publication
        if publication is None:
            return
        usable = amount_of(value)
        if usable is None:
            self._limits.refuse(self.name, value)
            return
        context = None
        if self._exemplar_looks:
            from telemetry.metrics.exemplars import current_sampled  # OpenTelemetry: only when it is there

            self._exemplar_looks -= 1
            context = current_sampled()
        if self._take is not None:
            self._take(usable, attributes, context)
            return
        self._waiting.append((usable, attributes, context))
        if not publication.is_kept:
            publication.keep_house()
        if len(self._waiting) > MOST_WAITING:
            self._hand_over_one()

    def hand_over(self) -> None:
        """Hands over what waits now. Safe to call from several threads."""
        for _ in range(len(self._waiting)):
            self._hand_over_one()
        self._exemplar_looks = EXEMPLAR_LOOKS

    def rebase(self, _start_unix_nano: int) -> None:
        """Takes nothing more: the measurements belong to the pipeline that took them."""
        self._publication = self._target = self._take = None
        self._waiting.clear()

    def publish(self, publication: Publication) -> None:
        """Hands measurements to the publication's meter from now on."""
        self._target = publication.meter.create_histogram(
            self.name, self.unit, self.description, explicit_bucket_boundaries_advisory=self._buckets
        )
        # An instrument of our own provider has a queue; one of the application's has not.
        self._take = getattr(self._target, "take", None)
        publication.before_collection(self.hand_over)
        self._publication = publication

    def _hand_over_one(self) -> None:
        target = self._target
        with suppress(IndexError):  # another thread was faster
            value, attributes, context = self._waiting.popleft()
            if target is not None:
                target.record(value, attributes, context)

    def _new_cell(self, labels: Labels) -> HistogramCell:
        return HistogramCell(labels, self)
