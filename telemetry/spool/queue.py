# SPDX-License-Identifier: Apache-2.0
"""What a sender asks of the place where requests wait, be it memory or disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from telemetry.spool.request import Request

__all__ = ["EMPTY", "Held", "OnDrop", "RequestQueue", "Waiting"]


class Held(NamedTuple):
    """The request whose turn it is; it stays where it is until it is settled.

    Attributes:
        request: The request.
        is_own: Whether this process made it; others were left behind by a process that is gone.
        place: Where the queue keeps it, nobody else's business; None for a request that was never put.
    """

    request: Request
    is_own: bool
    place: object


class Waiting(NamedTuple):
    """How much waits.

    Attributes:
        requests: Number of requests.
        records: Data points, spans or log records in them.
        bytes: Their size as they are kept.
    """

    requests: int
    records: int
    bytes: int


EMPTY = Waiting(0, 0, 0)


class OnDrop(Protocol):
    """Told of every request that a queue gives up."""

    def __call__(self, reason: str, records: int, error: str | None, *, is_own: bool) -> None:
        """Books records that are given up, and why."""


class RequestQueue(Protocol):
    """Requests of one exporter and one signal, first in, first out. Thread-safe; no method raises."""

    def put(self, request: Request) -> None:
        """Takes a request into custody; what has to go in exchange is booked."""

    def peek(self) -> Held | None:
        """Returns the oldest request that can be sent, or None.

        Housekeeping happens here, too (fsync, requests of processes that are gone), so it wants to
        be called every few seconds even while nothing is put.
        """

    def settle(self, held: Held) -> None:
        """Forgets a request that the receiver accepted."""

    def bury(self, held: Held, reason: str, error: str) -> None:
        """Gives a request up for good and books it; keeps it as a dead letter where there is a place.

        A request that was too large to be put is buried as `Held(request, is_own=True, place=None)`.
        """

    def in_memory(self) -> Waiting:
        """How much of this process's own is kept in memory only."""

    def on_disk(self) -> Waiting:
        """How much of this process's own is safe on disk."""

    def close(self) -> None:
        """Lets go of locks and files; what is on disk stays there for the next process."""
