# SPDX-License-Identifier: Apache-2.0
"""`kairos.errors.total`, `kairos.errors.recovered` and `kairos.errors.rate`."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from telemetry import conventions as names
from telemetry.metrics.attributes import clip
from telemetry.metrics.exemplars import keep_current
from telemetry.metrics.instruments import Counter
from telemetry.metrics.rate import RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Observation

    from telemetry.metrics.cells import CounterCell
    from telemetry.metrics.limits import Limits
    from telemetry.metrics.publication import Publication

__all__ = ["ErrorCounts", "ErrorKey", "ErrorSeries"]

ErrorKey = tuple[str, str, bool]
"""(code, component, recoverable): what tells one error series from another."""


class ErrorSeries(NamedTuple):
    """Everything that one recorded error touches, looked up once per series.

    Attributes:
        key: Code, component and recoverability.
        cell: The series of `kairos.errors.total`.
        window: The component's error rate.
    """

    key: ErrorKey
    cell: CounterCell
    window: RateWindow

    def record(self) -> None:
        """Counts one error."""
        cell = self.cell
        cell.inc()
        self.window.append(monotonic())
        if cell.wants_exemplar:
            keep_current(cell)


class ErrorCounts:
    """The three error instruments.

    Args:
        limits: How many series there may be.
        clock: Monotonic seconds, for the rate.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self.total = Counter(names.ERRORS_TOTAL, names.UNIT_ERRORS, "Errors of the agent.", limits)
        self.recovered = Counter(
            names.ERRORS_RECOVERED,
            names.UNIT_ERRORS,
            "Errors that a later attempt or a fallback made good.",
            limits,
        )
        self._windows: dict[str, RateWindow] = {}
        self._overflow_window = RateWindow(clock)
        self._series: dict[ErrorKey, ErrorSeries] = {}

    def series(self, key: ErrorKey) -> ErrorSeries:
        """Returns the series of a code, component and recoverability; always the same one."""
        series = self._series.get(key)
        if series is None:
            # setdefault decides between threads that arrive together: it is atomic.
            series = self._series.setdefault(
                key, ErrorSeries(key, self.total.bind(_labels(key)), self._window(key[1]))
            )
            if len(self._series) > 2 * self._limits.series:
                self._series.clear()  # an explosion of labels: forget the short cuts, the cells stay
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

    def rates(self) -> list[tuple[dict[str, str], float]]:
        """Returns (attributes, errors per minute) per component, and without attributes for the process."""
        per_component = [
            ({names.COMPONENT: component}, window.per_minute())
            for component, window in list(self._windows.items())
        ]
        whole = sum(rate for _, rate in per_component) + self._overflow_window.per_minute()
        return [*per_component, ({}, whole)]

    def _rates(self, publication: Publication) -> Iterable[Observation]:
        for attributes, rate in self.rates():
            yield publication.observation(rate, dict(attributes))

    def _window(self, component: str) -> RateWindow:
        component = clip(component, self._limits.attribute_bytes)
        window = self._windows.get(component)
        if window is None:
            if len(self._windows) >= self._limits.series:
                return self._overflow_window
            window = self._windows.setdefault(component, RateWindow(self._clock))
        return window


def _labels(key: ErrorKey) -> dict[str, str]:
    code, component, recoverable = key
    return {
        names.ERROR_CODE: code,
        names.COMPONENT: component,
        names.RECOVERABLE: "true" if recoverable else "false",
    }
