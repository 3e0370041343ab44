# SPDX-License-Identifier: Apache-2.0
"""Orders: what the faulty receiver does with the next requests instead of accepting them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from threading import Event, Lock
from typing import TYPE_CHECKING, get_args

from telemetry.config.exporters import Signal

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["GRPC_CODE_OF", "NO_FAULT", "Fault", "Kind", "Orders"]

GRPC_CODE_OF = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""HTTP statuses and their gRPC codes, as google/rpc/code.proto pairs them; others are `UNKNOWN`."""


class Kind(Enum):
    """How a request is answered."""

    ACCEPT = "accepted"
    FAIL = "failed"
    HANG = "hung"
    RESET = "reset"
    GARBLE = "garbled"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to answer a request.

    Attributes:
        kind: How.
        is_stored: Whether the records are kept although the sender is not told so.
        delay_s: Seconds before the request is looked at.
        status: HTTP status of a failure.
        code: gRPC code of a failure.
        message: What the answer says, for people.
        retry_after: `Retry-After` of HTTP, in seconds or as a date.
        retry_info_s: `RetryInfo`, in gRPC's details or in HTTP's body.
        location: `Location` of a redirect.
        rejected: Records that a partial success does not accept.
    """

    kind: Kind = Kind.ACCEPT
    is_stored: bool = True
    delay_s: float = 0.0
    status: int = 200
    code: str = "OK"
    message: str = ""
    retry_after: float | datetime | None = None
    retry_info_s: float | None = None
    location: str | None = None
    rejected: int = 0


NO_FAULT = Fault()


class Orders:
    """The orders that are still to be carried out, first in, first out. Thread-safe.

    Attributes:
        healed: Set, and replaced by a new one, when the orders are withdrawn: what hangs goes on.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._orders: list[_Order] = []
        self.healed = Event()

    def give(self, fault: Fault, times: int | None, signal: Signal | None) -> None:
        """Adds an order behind those that are there.

        Raises:
            ValueError: There is no such signal, or fewer than one request is meant.
        """
        if signal is not None and signal not in get_args(Signal):
            raise ValueError(
                f"signal is {signal!r}; allowed are {', '.join(get_args(Signal))}, or None for all."
            )
        if times is not None and times < 1:
            raise ValueError(f"times is {times!r}; allowed is 1 or more, or None for all until heal().")
        with self._lock:
            self._orders.append(_Order(fault, times, signal))

    def next(self, signal: Signal) -> Fault:
        """Return what to do with a request of that signal."""
        with self._lock:
            for position, order in enumerate(self._orders):
                if order.signal in (None, signal):
                    if order.left is not None:
                        order.left -= 1
                        if order.left == 0:
                            del self._orders[position]
                    return order.fault
        return NO_FAULT

    def withdraw(self) -> None:
        """Forgets all orders and lets go of what hangs."""
        with self._lock:
            self._orders.clear()
            healed, self.healed = self.healed, Event()
        healed.set()


@dataclass(slots=True)
class _Order:
    fault: Fault
    left: int | None
    signal: Signal | None
