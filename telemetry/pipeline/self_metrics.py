# SPDX-License-Identifier: Apache-2.0
"""What the pipeline says about itself: `kairos.telemetry.dropped` and `kairos.telemetry.export.duration`."""

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
    """

    def __init__(self, limits: Limits, user_limits: Limits, trouble: Trouble) -> None:
        self._limits = (limits, user_limits)
        self._trouble = trouble
        self.dropped = Counter(
            names.DROPPED, "{record}", "Records that telemetry gave up, by reason.", limits
        )
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
        self.duration.publish(publication)

    def _unrecorded(self, publication: Publication) -> Iterable[Observation]:
        refused = sum(limits.refused for limits in self._limits)
        for reason, count in (("invalid_value", refused), ("recording_failed", self._trouble.total)):
            if count:
                yield publication.observation(count, {names.SIGNAL: "metrics", names.REASON: reason})
