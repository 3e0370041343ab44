# SPDX-License-Identifier: Apache-2.0
"""Requests that wait in memory, bounded in bytes."""

from __future__ import annotations

from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from collections import OrderedDict
from itertools import count
from typing import TYPE_CHECKING

from telemetry.spool.queue import EMPTY, Held, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.config.exporters import Signal
    from telemetry.spool.queue import OnDrop
    from telemetry.spool.request import Request

__all__ = ["MemoryQueue"]


class MemoryQueue:
    """A queue of requests in memory. Thread-safe; no method raises.

    When it is full the oldest request goes, but never the one that was handed out by `peek` and is
    not settled yet: it may be on the wire. Then the next one goes, which may be the new one itself.

    Args:
        signal: Whose requests.
        max_bytes: What the bodies of all waiting requests may take.
        on_drop: Told of every request that is given up; called without any lock.
        next_serial: Numbers the requests in their order; a disk queue gives its own numbers.
        lock: Guards the state; reentrant, for a signal handler may put while it is held.
    """

    def __init__(
        self,
        signal: Signal,
        max_bytes: int,
        on_drop: OnDrop,
        *,
        next_serial: Callable[[], int] | None = None,
        lock: RLock | None = None,
    ) -> None:
        self.signal = signal
        self._max_bytes = max_bytes
        self._on_drop = on_drop
        self._next_serial = next_serial or count().__next__
        self._lock = RLock() if lock is None else lock
        self._requests: OrderedDict[int, Request] = OrderedDict()
        self._total = EMPTY
        self._held: int | None = None

    def put(self, request: Request) -> None:
        """Takes a request into custody; the oldest ones go, booked as `memory_full`, until it fits."""
        dropped = []
        with self._lock:
            serial = self._next_serial()
            self._add(serial, request)
            while self._total.bytes > self._max_bytes:
                if len(request.body) > self._max_bytes:  # nothing that goes would make it fit
                    victim = serial
                else:
                    victim = next(number for number in self._requests if number != self._held)
                dropped.append(self._remove(victim))
        for lost in dropped:
            self._on_drop("memory_full", lost.records, None, is_own=True)

    def peek(self) -> Held | None:
        """Returns the oldest request, or None."""
        with self._lock:
            for serial, request in self._requests.items():
                self._held = serial
                return Held(request, is_own=True, place=serial)
        return None

    def settle(self, held: Held) -> None:
        """Forgets a request that the receiver accepted."""
        self.take(held.place)

    def bury(self, held: Held, reason: str, error: str) -> None:
        """Gives a request up for good and books it; memory keeps no dead letters.

        A request whose place is None never waited here: it is just booked.
        """
        if held.place is None or self.take(held.place):
            self._on_drop(reason, held.request.records, error, is_own=held.is_own)

    def in_memory(self) -> Waiting:
        """How much waits."""
        return self._total

    def on_disk(self) -> Waiting:
        """Nothing."""
        return EMPTY

    def close(self) -> None:
        """Nothing to let go of: what waits stays until the process ends."""

    def oldest(self, *, is_idle: bool = False) -> tuple[int, Request] | None:
        """Returns the oldest request with its number, or None.

        Args:
            is_idle: Leave out the one that is being sent.
        """
        with self._lock:
            for serial, request in self._requests.items():
                if not (is_idle and serial == self._held):
                    return serial, request
        return None

    def take(self, place: object, *, is_idle: bool = False) -> bool:
        """Removes the request with that number; False when it is not here.

        Args:
            place: The number.
            is_idle: Leave it alone when it is being sent.
        """
        with self._lock:
            if not isinstance(place, int) or place not in self._requests:
                return False
            if is_idle and place == self._held:
                return False
            self._remove(place)
            return True

    def _add(self, serial: int, request: Request) -> None:
        self._requests[serial] = request
        requests, records, size = self._total
        self._total = Waiting(requests + 1, records + request.records, size + len(request.body))

    def _remove(self, serial: int) -> Request:
        request = self._requests.pop(serial)
        requests, records, size = self._total
        self._total = Waiting(requests - 1, records - request.records, size - len(request.body))
        if self._held == serial:
            self._held = None
        return request
