# SPDX-License-Identifier: Apache-2.0
"""What a transport is asked, and what it can answer: the OTLP specification's outcomes of one attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from telemetry.spool.request import Request

__all__ = ["Accepted", "Denied", "Refused", "Reply", "RetryLater", "Transport"]


class Accepted(NamedTuple):
    """The receiver took the request, perhaps not all of it.

    Attributes:
        rejected: Records that it did not take (OTLP's partial success).
        message: What it said about them, or a warning.
    """

    rejected: int = 0
    message: str = ""


class RetryLater(NamedTuple):
    """The same request may succeed later.

    Attributes:
        error: What went wrong, for people.
        after_s: Seconds that the receiver asked to wait, if it did.
        is_unanswered: Whether the time given was over, or the transport closed, before the receiver answered.
    """

    error: str
    after_s: float | None = None
    is_unanswered: bool = False


class Denied(NamedTuple):
    """Our credentials were not accepted; somebody has to act, so it is tried again slowly.

    Attributes:
        error: What went wrong, for people.
    """

    error: str


class Refused(NamedTuple):
    """The receiver will never take this request.

    Attributes:
        error: What went wrong, for people.
    """

    error: str


Reply = Accepted | RetryLater | Denied | Refused


class Transport(Protocol):
    """Sends requests to one receiver, one attempt each. Thread-safe; never raises."""

    def send(self, request: Request, timeout_s: float) -> Reply:
        """Makes one attempt that ends within `timeout_s`."""

    def close(self) -> None:
        """Cuts running attempts short; later ones fail with `RetryLater`. Does not wait."""
