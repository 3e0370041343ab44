# SPDX-License-Identifier: Apache-2.0
"""`kairos.errors.total`, `kairos.errors.recovered` and `kairos.errors.rate`."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from telemetry import conventions as names
from telemetry.metrics.exemplars import keep_span
from telemetry.metrics.instruments import Counter
from telemetry.metrics.rate import RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Observation
    from opentelemetry.trace import Span

    from telemetry.metrics.attributes import Labels
    from telemetry.metrics.cells import CounterCell
    from telemetry.metrics.limits import Limits
    from telemetry.metrics.publication import Publication

__all__ = ["ErrorCounts", "ErrorKey", "ErrorSeries"]

ErrorKey = tuple[str, str, bool]
"""(code, component, recoverable): what tells one error series from another."""


class ErrorSeries:
    """One series of `kairos.errors.total`, ready to be counted on.

    Attributes:
        key: Code, component and recoverability.
        cell: The series.
        inc: The cell's `inc`, one look-up nearer.
    """

    __slots__ = ("cell", "inc", "key")

    def __init__(self, key: ErrorKey, cell: CounterCell) -> None:
        self.key = key
        self.cell = cell
        self.inc = cell.inc

    def record(self, span: Span | None = None) -> None:
        """Counts one error, with the span that it happened in, by default the current one, as exemplar."""
        self.inc()
        if self.cell.exemplar_looks:
            self.look_for_exemplar(span)

    def look_for_exemplar(self, span: Span | None = None) -> None:
        """Keeps a span, by default the current one, as the series' exemplar, if it is sampled."""
        keep_span(self.cell, span)


class ErrorCounts:
    """The three error instruments.

    Args:
        limits: How many series there may be.
        clock: Monotonic seconds, for the rate.

    Attributes:
        window: The samples behind the rate; somebody calls its `sample` once a second.
        on_first_error: Called before the first error is counted, when there is something to sample.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self._limits = limits
        self.total = Counter(names.ERRORS_TOTAL, names.UNIT_ERRORS, "Errors of the agent.", limits)
        self.recovered = Counter(
            names.ERRORS_RECOVERED,
            names.UNIT_ERRORS,
            "Errors that a later attempt or a fallback made good.",
            limits,
        )
        self.window = RateWindow(self._totals, clock)
        self.on_first_error: Callable[[], None] = lambda: None
        self._series: dict[ErrorKey, ErrorSeries] = {}

    def series(self, key: ErrorKey) -> ErrorSeries:
        """Returns the series of a code, component and recoverability."""
        series = self._series.get(key)
        if series is None:
            if not self._series:
                self.on_first_error()
            if len(self._series) >= 2 * self._limits.series:
                self._series.clear()  # an explosion of labels: forget the short cuts, the cells stay
            series = self._series[key] = ErrorSeries(key, self.total.bind(_labels(key)))
        return series

    def recover(self, key: ErrorKey) -> None:
        """Counts one error as made good."""
        self.recovered.bind(_labels(key)).inc()

    def publish(self, publication: Publication) -> None:
        """Makes the three instruments visible to whoever collects the publication's meter."""
        self.total.publish(publication)
        self.recovered.publish(publication)
        publication.meter.create_observable_gauge(
            names.ERRORS_RATE,
            [publication.callback(self._rates)],
            names.UNIT_ERRORS_RATE,
            "Errors per minute over the last 60 s.",
        )

    def rates(self) -> list[tuple[Labels, float]]:
        """Returns (attributes, errors per minute) per component, and without attributes for the process."""
        per_component = self.window.per_minute()
        # What the cardinality limit folded together has no component; it counts for the process.
        rates: list[tuple[Labels, float]] = [
            ({names.COMPONENT: component}, rate) for component, rate in per_component.items() if component
        ]
        return [*rates, ({}, sum(per_component.values()))]

    def _rates(self, publication: Publication) -> Iterable[Observation]:
        for attributes, rate in self.rates():
            yield publication.observation(rate, attributes)

    def _totals(self) -> dict[str, float]:
        totals: dict[str, float] = {}
        for cell in self.total.cells():
            component = str(cell.attributes.get(names.COMPONENT, ""))
            totals[component] = totals.get(component, 0) + cell.read()
        return totals


def _labels(key: ErrorKey) -> dict[str, str]:
    code, component, recoverable = key
    return {
        names.ERROR_CODE: code,
        names.COMPONENT: component,
        names.RECOVERABLE: "true" if recoverable else "false",
    }
