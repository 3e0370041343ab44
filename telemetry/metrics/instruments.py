# SPDX-License-Identifier: Apache-2.0
"""Instruments whose series are bound once and then cost next to nothing to record on.

OpenTelemetry's own instruments look their series up on every measurement. Here `bind` does that
once and returns a cell. The cells of counters and gauges become OpenTelemetry data through
observable instruments; histograms pass through to the SDK's.
"""

from __future__ import annotations

import time
from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from typing import TYPE_CHECKING, Generic, TypeVar

from telemetry.conventions import OVERFLOW
from telemetry.metrics.attributes import Labels, clean_attributes, series_key
from telemetry.metrics.cells import EXEMPLAR_LOOKS, CounterCell, GaugeCell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.metrics import Observation

    from telemetry.metrics.limits import Limits
    from telemetry.metrics.publication import Callback, Publication

__all__ = ["Counter", "Gauge", "Instrument"]

CellT = TypeVar("CellT")


class Instrument(Generic[CellT]):
    """What all kinds share: a name, and one cell per set of attributes up to the limit."""

    def __init__(self, name: str, unit: str, description: str, limits: Limits) -> None:
        self.name = name
        self.unit = unit
        self.description = description
        self._limits = limits
        self._cells: dict[object, CellT] = {}
        self._overflow: CellT | None = None
        # The same object for every cell: a bound method takes as much memory as a label.
        self._on_refused = self._refuse
        # Only for new series. Reentrant, for a signal handler or a `__del__` may bind in the middle of it.
        self._lock = RLock()

    def bind(self, attributes: Mapping[str, object] | None = None) -> CellT:
        """Returns the cell of a series, always the same one for the same attributes.

        Keep it: recording on a cell is many times cheaper than looking it up. Thread-safe.

        Args:
            attributes: Attributes of the series. Values other than text, booleans and numbers
                become text; text is cut to `attribute_value_limit` bytes.

        Returns:
            The cell. Past `cardinality_limit` series, all further ones share the cell with the
            single attribute `otel.metric.overflow` = true (OpenTelemetry metrics SDK, "Cardinality limits").
        """
        labels = clean_attributes(attributes, self._limits.attribute_bytes, self._limits.truncated.add_one)
        key = series_key(labels)
        cell = self._cells.get(key)
        if cell is None:
            with self._lock:
                if key in self._cells or len(self._cells) < self._limits.series:
                    return self._cells.setdefault(key, self._new_cell(labels))
                cell = self._overflow = self._overflow or self._new_cell({OVERFLOW: True})
            self._limits.overflowed(self.name)
        return cell

    def cells(self) -> list[CellT]:
        """Returns every cell that was bound, the overflow cell last."""
        with self._lock:
            return [*self._cells.values(), *([self._overflow] if self._overflow is not None else [])]

    def reset_lock(self) -> None:
        """Replaces the lock in a forked child, where the old one may be held by nobody."""
        self._lock = RLock()

    def _refuse(self, value: object) -> None:
        self._limits.refuse(self.name, value)

    def _new_cell(self, labels: Labels) -> CellT:
        raise NotImplementedError  # pragma: no cover - every kind below has its own


class Counter(Instrument[CounterCell]):
    """A counter whose series are bound: `counter.bind({...}).inc()`."""

    def rebase(self, start_unix_nano: int) -> None:
        """Lets every series start from zero now, hidden until it is incremented again."""
        for cell in self.cells():
            cell.rebase(start_unix_nano)

    def publish(self, publication: Publication) -> None:
        """Makes the series visible to whoever collects the publication's meter."""
        publication.meter.create_observable_counter(
            self.name, [self.callback(publication)], self.unit, self.description
        )

    def callback(self, publication: Publication) -> Callback:
        """Returns what an observable counter asks for the current sums."""
        return publication.callback(self._observations)

    def start_of(self, attributes: Labels | None) -> int | None:
        """Returns since when (Unix nanoseconds) the series of a published point counts."""
        cell = self._cells.get(series_key(attributes or {})) or self._overflow
        return cell.start_unix_nano if cell is not None else None

    def _observations(self, publication: Publication) -> Iterable[Observation]:
        for cell in self.cells():
            value = cell.published()
            if value is not None:
                yield publication.observation(value, cell.attributes, cell.exemplar)
                cell.exemplar_looks = EXEMPLAR_LOOKS

    def _new_cell(self, labels: Labels) -> CounterCell:
        return CounterCell(labels, time.time_ns(), self._on_refused)


class Gauge(Instrument[GaugeCell]):
    """A gauge whose series are bound: `gauge.bind({...}).set(v)`."""

    def rebase(self, _start_unix_nano: int) -> None:
        """Forgets every value."""
        for cell in self.cells():
            cell.rebase()

    def publish(self, publication: Publication) -> None:
        """Makes the series visible to whoever collects the publication's meter."""
        publication.meter.create_observable_gauge(
            self.name, [publication.callback(self._observations)], self.unit, self.description
        )

    def _observations(self, publication: Publication) -> Iterable[Observation]:
        for cell in self.cells():
            value = cell.read()
            if value is not None:
                yield publication.observation(value, cell.attributes)

    def _new_cell(self, labels: Labels) -> GaugeCell:
        return GaugeCell(labels, self._on_refused)
