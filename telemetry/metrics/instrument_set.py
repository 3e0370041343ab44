# SPDX-License-Identifier: Apache-2.0
"""The user's own bound instruments, which outlive any one pipeline.

Cells are often bound when a module is imported, before `init` and across a later `init`. The set
keeps them; each pipeline publishes them from zero.
"""

from __future__ import annotations

import re
import time
from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from typing import TYPE_CHECKING, TypeVar

from telemetry.conventions import OWN_METRICS
from telemetry.metrics.histograms import Histogram
from telemetry.metrics.instruments import Counter, Gauge
from telemetry.metrics.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry.metrics.publication import Publication

__all__ = ["InstrumentSet"]

InstrumentT = TypeVar("InstrumentT", Counter, Gauge, Histogram)

# Metrics API specification, "Instrument name syntax" and "Instrument unit". The SDK raises for anything
# else, which for an instrument that is made before `init` would be in the middle of `init`.
_NAME = re.compile(r"[A-Za-z][-\w./]{0,254}", re.ASCII)
_MOST_UNIT = 63


class InstrumentSet:
    """Instruments by name. Thread-safe.

    Attributes:
        limits: Series and attribute limits; a pipeline sets them from its configuration.
    """

    def __init__(self) -> None:
        self.limits = Limits()
        self._instruments: dict[str, Counter | Gauge | Histogram] = {}
        self._publication: Publication | None = None
        self._lock = RLock()  # reentrant, for a signal handler may make an instrument in the middle of it

    def counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        """Returns the counter of this name, made on first use."""
        return self._get(name, unit, Counter, lambda known: Counter(known, unit, description, self.limits))

    def gauge(self, name: str, unit: str = "", description: str = "") -> Gauge:
        """Returns the gauge of this name, made on first use."""
        return self._get(name, unit, Gauge, lambda known: Gauge(known, unit, description, self.limits))

    def histogram(
        self, name: str, unit: str = "", description: str = "", buckets: Sequence[float] | None = None
    ) -> Histogram:
        """Returns the histogram of this name, made on first use."""
        return self._get(
            name, unit, Histogram, lambda known: Histogram(known, unit, description, self.limits, buckets)
        )

    def counters(self) -> dict[str, Counter]:
        """Returns the counters by name."""
        return {name: each for name, each in list(self._instruments.items()) if isinstance(each, Counter)}

    def gauges(self) -> dict[str, Gauge]:
        """Returns the gauges by name."""
        return {name: each for name, each in list(self._instruments.items()) if isinstance(each, Gauge)}

    def publish(self, publication: Publication) -> None:
        """Starts every series from zero and publishes it, and later ones when they are made."""
        with self._lock:
            self._publication = publication
            self.limits.start_anew()
            now = time.time_ns()
            for instrument in self._instruments.values():
                instrument.rebase(now)
                instrument.publish(publication)

    def withdraw(self, publication: Publication) -> None:
        """Ends a publication; another one that came after it stays."""
        publication.end()
        with self._lock:
            if self._publication is publication:
                self._publication = None
                for instrument in self._instruments.values():
                    instrument.rebase(time.time_ns())

    def reset_locks(self) -> None:
        """Replaces every lock in a forked child, where the old ones may be held by nobody."""
        self._lock = RLock()
        for instrument in self._instruments.values():
            instrument.reset_lock()

    def _get(
        self, name: str, unit: str, kind: type[InstrumentT], make: Callable[[str], InstrumentT]
    ) -> InstrumentT:
        _check(name, unit)
        name = name.lower()  # names are case-insensitive (metrics API specification); the SDK exports them so
        with self._lock:
            instrument = self._instruments.get(name)
            if instrument is None:
                instrument = self._instruments[name] = make(name)
                if self._publication is not None:
                    instrument.publish(self._publication)
        if not isinstance(instrument, kind):
            raise ValueError(  # noqa: TRY004 - the name is what is wrong, not a type
                f"{name!r} is already a {type(instrument).__name__.lower()}, not a {kind.__name__.lower()}; "
                "use another name."
            )
        return instrument


def _check(name: str, unit: str) -> None:
    if isinstance(name, str) and name.lower() in OWN_METRICS:
        raise ValueError(
            f"name: {name!r} is an instrument of this package, and a second one of that name would be "
            "ignored; use another name."
        )
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"name: {name!r} cannot name an instrument; allowed: up to 255 of A-Z a-z 0-9 _ . - /, a letter "
            "first. Use a dotted name such as 'my.requests'."
        )
    if not isinstance(unit, str) or not unit.isascii() or len(unit) > _MOST_UNIT:
        raise ValueError(
            f"unit: {unit!r} cannot be a unit; allowed: up to {_MOST_UNIT} ASCII characters. "
            "Use UCUM, such as 's', 'By' or '{request}'."
        )
