# SPDX-License-Identifier: Apache-2.0
"""A receiver of OTLP/JSON over HTTP: one connection that is kept, one attempt at a time."""

from __future__ import annotations

import http.client
import json
import select
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from telemetry.audit.errors import AuditError
from telemetry.audit.masking import mask_text

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from telemetry.audit.exporting.endpoint import Endpoint

__all__ = ["Accepted", "Later", "Misdirected", "Receiver", "Refused", "Reply"]

_MOST_ANSWER_BYTES: Final = 64 * 1024
_MOST_SHOWN: Final = 200
_LATER: Final = frozenset({408, 425, 429})
_ABOUT_THE_BATCH: Final = frozenset({400, 411, 413, 415, 422})


class Accepted(NamedTuple):
    """The receiver has the request, without `rejected` spans of it, which it will not take."""

    rejected: int
    message: str


class Later(NamedTuple):
    """The request is to be sent again, not before `after_s` seconds where the receiver said so."""

    reason: str
    after_s: float | None = None


class Refused(NamedTuple):
    """The receiver will never take this request."""

    reason: str


class Misdirected(NamedTuple):
    """Whoever answers there takes no request like this one: address, credentials or certificate are wrong."""

    reason: str


Reply = Accepted | Later | Refused | Misdirected


class Receiver:
    """Sends documents.

    Args:
        endpoint: Where.
        now_s: The wall clock, for a `Retry-After` that is a date.

    Raises:
        AuditError: The file of authorities cannot be read.
    """

    def __init__(self, endpoint: Endpoint, now_s: Callable[[], float] = time.time) -> None:
        self._endpoint = endpoint
        self._now_s = now_s
        self._connection: http.client.HTTPConnection | None = None
        self._context: ssl.SSLContext | None = None
        if endpoint.scheme == "https":
            self._context = _context(endpoint.ca_file)
        self._headers = {
            "content-type": "application/json",
            "user-agent": "kairos-audit",
            **({"content-encoding": "gzip"} if endpoint.is_gzip else {}),
            **endpoint.headers,
        }

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(self, body: bytes) -> Reply:
        """Makes one attempt and returns what came of it; never raises for what a network does."""
        is_kept = self._is_usable()
        try:
            return self._attempt(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            untrusted = getattr(error, "verify_message", None)
            if untrusted:
                return Misdirected(f"has a certificate that is not trusted: {untrusted}")
            if not is_kept or isinstance(error, TimeoutError):
                return Later(self._why(error))
        # It had closed the connection that was kept: that says nothing about this request.
        try:
            return self._attempt(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Later(self._why(error))

    def _attempt(self, body: bytes) -> Reply:
        connection = self._connection or self._open()
        self._connection = connection
        connection.request("POST", self._endpoint.path, body, self._headers)
        with connection.getresponse() as response:
            answer = response.read(_MOST_ANSWER_BYTES + 1)
            if len(answer) > _MOST_ANSWER_BYTES or response.will_close:
                self.close()
            return self._understood(response, answer)

    def _open(self) -> http.client.HTTPConnection:
        endpoint = self._endpoint
        if self._context is not None:
            return http.client.HTTPSConnection(
                endpoint.host, endpoint.port, timeout=endpoint.timeout_s, context=self._context
            )
        return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=endpoint.timeout_s)

    def _is_usable(self) -> bool:
        """Whether there is a connection that the other side has not closed meanwhile."""
        if self._connection is None or self._connection.sock is None:
            return False
        try:
            has_news = select.select([self._connection.sock], [], [], 0)[0]
        except (OSError, ValueError):
            has_news = [None]
        if has_news:  # nothing was asked: this is its end
            self.close()
        return not has_news

    def _why(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"did not answer within {self._endpoint.timeout_s:g} s"
        return f"cannot be reached: {_short(str(error) or type(error).__name__)}"

    def _understood(self, response: http.client.HTTPResponse, answer: bytes) -> Reply:
        status = response.status
        if 200 <= status < 300:
            return _accepted(response.headers.get("content-type", ""), answer)
        shown = f"answered {status} {response.reason}".rstrip() + _message(answer)
        if status in _LATER or status >= 500:
            return Later(shown, _retry_after(response.headers.get("retry-after", ""), self._now_s()))
        return Refused(shown) if status in _ABOUT_THE_BATCH else Misdirected(shown)


def _context(ca_file: str) -> ssl.SSLContext:
    import ssl  # not every Python has it, and plain HTTP needs none

    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise AuditError(
            f"the certificates in {ca_file!r} cannot be read: {error}; allowed: a PEM file"
        ) from error


def _accepted(kind: str, answer: bytes) -> Reply:
    if not answer.strip() or kind.startswith("application/x-protobuf"):
        return Accepted(0, "")
    try:
        members = json.loads(answer)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        return Misdirected(
            "answered with something that is no OTLP, so nobody has taken the spans" + _message(answer)
        )
    partial = members.get("partialSuccess")
    if not isinstance(partial, dict):
        return Accepted(0, "")
    try:
        rejected = int(partial.get("rejectedSpans") or 0)
    except (TypeError, ValueError, OverflowError):
        rejected = 0
    message = partial.get("errorMessage")
    return Accepted(max(rejected, 0), _short(message) if isinstance(message, str) else "")


def _retry_after(text: str, now_s: float) -> float | None:
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(text).timestamp() - now_s, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _message(answer: bytes) -> str:
    try:
        members: Any = json.loads(answer)
        text = members["message"]
    except (ValueError, RecursionError, TypeError, KeyError):
        text = answer.decode("utf-8", "replace")
    text = _short(text) if isinstance(text, str) else ""
    return f": {text}" if text else ""


def _short(text: str) -> str:
    shown = " ".join("".join(c if c.isprintable() else " " for c in text[:1000]).split())
    return mask_text(shown)[:_MOST_SHOWN]
