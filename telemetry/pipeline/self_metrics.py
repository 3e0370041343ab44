# SPDX-License-Identifier: Apache-2.0
"""What the pipeline says about itself: what was dropped or cut, what waits on disk, how long exports take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry import conventions as names
from telemetry.metrics.histograms import Histogram
from telemetry.metrics.instruments import Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Observation

    from telemetry.metrics.limits import Limits
    from telemetry.metrics.publication import Publication
    from telemetry.pipeline.trouble import Trouble

__all__ = ["SelfMetrics"]


class SelfMetrics:
    """The pipeline's own instruments.

    Args:
        limits: Limits of the pipeline's instruments; measurements they refused are dropped ones.
        user_limits: The same for the user's own instruments.
        trouble: Calls that could not record.

    Attributes:
        spooled_bytes: Tells how much waits on disk; None where there is no spool.
    """

    def __init__(self, limits: Limits, user_limits: Limits, trouble: Trouble) -> None:
        self._limits = (limits, user_limits)
        self._trouble = trouble
        self.dropped = Counter(
            names.DROPPED, "{record}", "Records that telemetry gave up, by reason.", limits
        )
        self.truncated = Counter(
            names.TRUNCATED, "{value}", "Attribute values that were cut to the limit.", limits
        )
        self.spooled_bytes: Callable[[], int] | None = None
        self.duration = Histogram(
            names.EXPORT_DURATION,
            names.UNIT_SECONDS,
            "Duration of an export.",
            limits,
            names.BUCKETS_DURATION,
        )

    def on_drop(self, signal: str) -> Callable[[str, int], None]:
        """Returns a function that counts records given up: (reason, count)."""

        def count(reason: str, records: int) -> None:
            self.dropped.bind({names.SIGNAL: signal, names.REASON: reason}).add(records)

        return count

    def on_truncated(self, signal: str, values: int) -> None:
        """Counts attribute values that were cut."""
        self.truncated.bind({names.SIGNAL: signal}).add(values)

    def on_export(self, signal: str) -> Callable[[float, bool], None]:
        """Returns a function that records exports: (seconds, whether it succeeded)."""

        def record(seconds: float, is_success: bool) -> None:
            outcome = "success" if is_success else "failure"
            self.duration.bind({names.SIGNAL: signal, names.OUTCOME: outcome}).record(seconds)

        return record

    def publish(self, publication: Publication) -> None:
        """Makes the instruments visible to whoever collects the publication's meter."""
        publication.meter.create_observable_counter(
            names.DROPPED,
            [self.dropped.callback(publication), publication.callback(self._unrecorded)],
            self.dropped.unit,
            self.dropped.description,
        )
        publication.meter.create_observable_counter(
            names.TRUNCATED,
            [self.truncated.callback(publication), publication.callback(self._cut_at_once)],
            self.truncated.unit,
            self.truncated.description,
        )
        publication.meter.create_observable_gauge(
            names.SPOOL_BYTES,
            [publication.callback(self._spooled)],
            "By",
            "Size of what waits on disk.",
        )
        self.duration.publish(publication)

    def _spooled(self, publication: Publication) -> Iterable[Observation]:
        if self.spooled_bytes is not None:
            yield publication.observation(self.spooled_bytes(), {})

    def _cut_at_once(self, publication: Publication) -> Iterable[Observation]:
        cut = sum(limits.truncated.read() for limits in self._limits)  # attributes of series: they are kept
        if cut:
            yield publication.observation(cut, {names.SIGNAL: "metrics"})

    def _unrecorded(self, publication: Publication) -> Iterable[Observation]:
        refused = sum(limits.refused for limits in self._limits)
        if refused:
            yield publication.observation(refused, {names.SIGNAL: "metrics", names.REASON: "invalid_value"})
        for signal, count in self._trouble.totals().items():
            if count:
                yield publication.observation(count, {names.SIGNAL: signal, names.REASON: "recording_failed"})
