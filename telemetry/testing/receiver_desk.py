# SPDX-License-Identifier: Apache-2.0
"""The desk: what both protocols have in common, from a request that arrived to the decision on its answer."""

from __future__ import annotations

import time
from hashlib import sha256
from threading import Condition
from typing import TYPE_CHECKING, Literal, NamedTuple

from google.protobuf.message import DecodeError

from telemetry.testing.received import ReceivedRequest
from telemetry.testing.receiver_orders import Fault, Kind
from telemetry.testing.receiver_parsing import parse

if TYPE_CHECKING:
    from threading import Event

    from telemetry.config.exporters import Signal
    from telemetry.testing.receiver_books import Books
    from telemetry.testing.receiver_orders import Orders

__all__ = ["Arrival", "Desk"]

_LOOK_S = 0.05
_ANSWERS_S = 1.0
_SENDING_S = 0.05


class Arrival(NamedTuple):
    """A request as a protocol's server hands it over.

    Attributes:
        signal: Whose records.
        protocol: `grpc` or `http`.
        headers: Header names in lower case and their values.
        body: The message, uncompressed.
        gone: Set when the sender gives up.
    """

    signal: Signal
    protocol: Literal["grpc", "http"]
    headers: dict[str, str]
    body: bytes
    gone: Event


class Desk:
    """Carries out the orders and keeps the books. Thread-safe.

    Args:
        orders: What to do.
        books: What was done.
    """

    def __init__(self, orders: Orders, books: Books) -> None:
        self._orders = orders
        self._books = books
        self._turn = Condition()
        self._busy = 0
        self._is_down = False

    def go_down(self) -> None:
        """Takes no more requests, and waits until those that were taken are answered."""
        with self._turn:
            self._is_down = True
            self._turn.wait_for(lambda: not self._busy, _ANSWERS_S)
        time.sleep(_SENDING_S)  # neither server tells when an answer has left it

    def go_up(self) -> None:
        """Takes requests again."""
        with self._turn:
            self._is_down = False

    def receive(self, arrival: Arrival) -> Fault:
        """Store the request or not, wait as ordered, and return how to answer it."""
        with self._turn:
            if self._is_down:
                return Fault(Kind.RESET, is_stored=False)
            self._busy += 1
            healed = self._orders.healed
        try:
            fault = self._take(arrival)
        finally:
            with self._turn:
                self._busy -= 1
                self._turn.notify_all()
        if fault.kind is Kind.HANG:
            while not arrival.gone.wait(_LOOK_S) and not healed.is_set():
                pass
        return fault

    def _take(self, arrival: Arrival) -> Fault:
        received_s = time.monotonic()
        fault = self._orders.next(arrival.signal)
        if fault.delay_s:
            arrival.gone.wait(fault.delay_s)
        try:
            records = parse(arrival.signal, arrival.body)
        except DecodeError as error:
            fault = Fault(Kind.FAIL, is_stored=False, status=400, code="INVALID_ARGUMENT", message=str(error))
            records = []
        # Who gives up before is not told of it, and stores it elsewhere or sends it again.
        is_stored = fault.is_stored and not arrival.gone.is_set()
        if is_stored and not self._books.store(arrival.signal, records[fault.rejected :]):
            is_stored = False
            fault = Fault(
                Kind.FAIL,
                is_stored=False,
                status=429,
                code="RESOURCE_EXHAUSTED",
                message="max_records is reached",
            )
        self._books.note(
            ReceivedRequest(
                arrival.signal,
                arrival.protocol,
                arrival.headers,
                len(arrival.body),
                sha256(arrival.body).hexdigest(),
                len(records),
                is_stored,
                fault.kind.value,
                received_s,
            )
        )
        return fault
