# SPDX-License-Identifier: Apache-2.0
"""How many series an instrument may have and how long their attributes may be."""

from __future__ import annotations

from telemetry.metrics.tally import Tally
from telemetry.text import type_name

__all__ = ["Limits"]


class Limits:
    """Limits shared by a set of instruments, and what they turned away.

    Attributes:
        series: Series per instrument; further ones share the overflow series.
        attribute_bytes: Bytes of UTF-8 per attribute value.
        overflowed_instruments: Names of the instruments that reached the limit.
        truncated: How many attribute values were cut.
    """

    def __init__(self, series: int = 2000, attribute_bytes: int = 4096) -> None:
        self.series = series
        self.attribute_bytes = attribute_bytes
        self.overflowed_instruments: set[str] = set()
        self.truncated = Tally()
        self._refused = Tally()
        self._has_told = False

    @property
    def refused(self) -> int:
        """How many measurements were refused because they were no usable numbers."""
        return self._refused.read()

    def start_anew(self) -> None:
        """Forgets what was turned away: it was another pipeline's."""
        self._refused.reset()
        self.truncated.reset()
        self._has_told = False

    def refuse(self, instrument: str, value: object) -> None:
        """Counts a measurement that cannot be recorded, and says so once."""
        self._refused.add_one()
        if not self._has_told:
            self._has_told = True
            import logging

            logging.getLogger("telemetry").warning(
                "%s was given %s, not a finite number that fits; such values are left out and counted in "
                "kairos.telemetry.dropped (reported once).",
                instrument,
                type_name(value),
            )

    def overflowed(self, instrument: str) -> None:
        """Notes that an instrument reached its limit, and says so once."""
        if instrument in self.overflowed_instruments:
            return
        self.overflowed_instruments.add(instrument)
        import logging

        logging.getLogger("telemetry").warning(
            "%s has %d series, the cardinality_limit: further ones are counted together under "
            "otel.metric.overflow. Look for an attribute with unbounded values.",
            instrument,
            self.series,
        )
