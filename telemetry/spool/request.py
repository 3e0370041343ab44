# SPDX-License-Identifier: Apache-2.0
"""One OTLP request on its way: the unit of sending, spooling and booking."""

from __future__ import annotations

from os import urandom
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.config.exporters import Signal

__all__ = ["Request", "new_request"]


class Request(NamedTuple):
    """One encoded OTLP request; never modified, so that every attempt sends the same bytes.

    Attributes:
        signal: `metrics`, `traces` or `logs`.
        records: Data points, spans or log records in it.
        body: The `Export...ServiceRequest` message, serialized.
        batch_id: 32 hex digits, the same at every attempt: a receiver can tell a repetition by it.
        created_ns: When it was made (Unix nanoseconds).
    """

    signal: Signal
    records: int
    body: bytes
    batch_id: str
    created_ns: int


def new_request(
    signal: Signal,
    records: int,
    body: bytes,
    *,
    now_ns: Callable[[], int] = time_ns,
    new_id: Callable[[], str] = lambda: urandom(16).hex(),
) -> Request:
    """Makes a request of what was encoded just now.

    Args:
        signal: Whose records.
        records: How many.
        body: The serialized message.
        now_ns: The wall clock.
        new_id: Makes batch ids.
    """
    return Request(signal, records, body, new_id(), now_ns())
