# SPDX-License-Identifier: Apache-2.0
"""Books: every stored record once, what came again, and every request."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from telemetry.config.exporters import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.config.exporters import Signal
    from telemetry.testing.received import ReceivedPoint, ReceivedRequest
    from telemetry.testing.receiver_parsing import Record

__all__ = ["Books", "total"]


class Books:
    """What was stored and what was asked. Thread-safe, bounded.

    Args:
        max_records: Records of one signal that are kept, repetitions included; more are not taken.
        max_requests: Requests that are remembered; the oldest are forgotten first.
    """

    def __init__(self, max_records: int, max_requests: int) -> None:
        self._max_records = max_records
        self._lock = Lock()
        self._known: dict[str, set[bytes]] = {signal: set() for signal in SIGNALS}
        self._values: dict[str, list[object]] = {signal: [] for signal in SIGNALS}
        self._repetitions: dict[str, list[object]] = {signal: [] for signal in SIGNALS}
        self._requests: deque[ReceivedRequest] = deque(maxlen=max_requests)

    def store(self, signal: Signal, records: list[Record]) -> bool:
        """Keep the records; False, and none is kept, when there is no room for them."""
        with self._lock:
            known, values, repetitions = self._known[signal], self._values[signal], self._repetitions[signal]
            if len(values) + len(repetitions) + len(records) > self._max_records:
                return False
            for record in records:
                if record.identity in known:
                    repetitions.append(record.value)
                else:
                    known.add(record.identity)
                    values.append(record.value)
        return True

    def note(self, request: ReceivedRequest) -> None:
        """Remembers a request."""
        with self._lock:
            self._requests.append(request)

    def delivered(self, signal: Signal) -> int:
        """Return how many different records were stored."""
        return len(self._values[signal])

    def duplicated(self, signal: Signal) -> int:
        """Return how many stored records had been stored before."""
        return len(self._repetitions[signal])

    def repetitions(self, signal: Signal) -> list[object]:
        """Return the records that had been stored before, once for every time."""
        with self._lock:
            return list(self._repetitions[signal])

    def values(self, signal: Signal) -> list[object]:
        """Return the different records, in the order of their first arrival."""
        with self._lock:
            return list(self._values[signal])

    def requests(self) -> list[ReceivedRequest]:
        """Return the requests, in the order of their arrival."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            for signal in SIGNALS:
                self._known[signal].clear()
                self._repetitions[signal].clear()
                self._values[signal].clear()
            self._requests.clear()


def total(points: list[ReceivedPoint], name: str, attributes: Mapping[str, object]) -> float:
    """Add a sum up over all series, processes and restarts.

    Delta points are added; of a cumulative series the last point counts, once for every start. The
    last of a sum that never falls is its largest, also when clocks jump and requests overtake.
    """
    result = 0.0
    last: dict[tuple[object, ...], ReceivedPoint] = {}
    for point in points:
        if point.name != name or any(
            key not in point.attributes or point.attributes[key] != value for key, value in attributes.items()
        ):
            continue
        if point.is_delta:
            result += point.value
            continue
        series = (
            repr(sorted(point.resource.items())),
            repr(sorted(point.attributes.items())),
            point.start_ns,
        )
        if series not in last or _order(last[series]) <= _order(point):
            last[series] = point
    return result + sum(point.value for point in last.values())


def _order(point: ReceivedPoint) -> float:
    return point.value if point.is_monotonic else point.time_ns
