# SPDX-License-Identifier: Apache-2.0
"""What an HTTP answer means for the request: the rules of the OTLP specification, "OTLP/HTTP Response"."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from telemetry.exporters.answers import CREDENTIALS_HINT, accepted
from telemetry.exporters.transport import Accepted, Denied, Refused, RetryLater

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.config.exporters import Signal
    from telemetry.exporters.answers import Speech
    from telemetry.exporters.transport import Reply

__all__ = ["Answer", "reply_of"]

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_DENIED: Final = frozenset({401, 403, 407})
_PATH_HINT: Final = "check the path in otlp_endpoint"
_HINTS: Final = {401: CREDENTIALS_HINT, 403: CREDENTIALS_HINT, 404: _PATH_HINT, 405: _PATH_HINT}
# What servers call protobuf; many say nothing at all, or that it is just bytes.
_PROTOBUF: Final = frozenset(
    {"", "application/x-protobuf", "application/protobuf", "application/octet-stream"}
)
_JSON_FIELDS: Final = {
    "metrics": "rejectedDataPoints",
    "traces": "rejectedSpans",
    "logs": "rejectedLogRecords",
}


class Answer(NamedTuple):
    """An HTTP answer as far as it matters.

    Attributes:
        status: The status code.
        reason: The words of the status line.
        headers: Looked up without regard to case.
        body: The body, perhaps cut.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The content type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def reply_of(signal: Signal, answer: Answer, speech: Speech, now_s: Callable[[], float]) -> Reply:
    """Says what becomes of a request.

    Args:
        signal: Whose records it held.
        answer: What the server said.
        speech: Makes that readable.
        now_s: The wall clock, for a `Retry-After` that is a date.
    """
    if 200 <= answer.status < 300:
        return _taken(signal, answer, speech)
    if 300 <= answer.status < 400:
        return Refused(_redirected(answer, speech))
    message, asked_s = _status(answer)
    words = speech.say(f"answered {answer.status} {speech.quote(answer.reason)}".rstrip(), message)
    if hint := _HINTS.get(answer.status):
        words = f"{words}; {hint}"
    if answer.status in _DENIED:
        return Denied(words)
    if answer.status in _RETRYABLE:
        pauses = [pause for pause in (asked_s, _retry_after(answer, now_s)) if pause is not None]
        return RetryLater(words, max(pauses, default=None))
    return Refused(words)


def _taken(signal: Signal, answer: Answer, speech: Speech) -> Accepted | Denied:
    if not answer.body or answer.kind in _PROTOBUF:
        return accepted(signal, answer.body, speech)
    if answer.kind == "application/json":
        return _json_taken(signal, answer.body, speech)
    return Denied(speech.foreign(f"with content of the type {answer.kind}"))


def _json_taken(signal: Signal, body: bytes, speech: Speech) -> Accepted | Denied:
    """Reads OTLP/JSON, which some servers speak whatever they are spoken to in."""
    try:
        partial = json.loads(body).get("partialSuccess") or {}
        # A 64-bit integer is text in protobuf's JSON.
        rejected = int(partial.get(_JSON_FIELDS[signal]) or 0)
        return Accepted(max(0, rejected), speech.quote(str(partial.get("errorMessage") or "")))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Denied(speech.foreign("with JSON that is none of OTLP's"))


def _redirected(answer: Answer, speech: Speech) -> str:
    location = answer.headers.get("location", "")
    where = f" to {_masked(location, speech)}" if location else ""
    return speech.say(
        f"answered {answer.status}, a redirection{where}, which OTLP does not follow: "
        "let otlp_endpoint name the address that takes the data"
    )


def _masked(location: str, speech: Speech) -> str:
    """The location without user, password and query, which may be secrets."""
    try:
        parts = urlsplit(location)
        host = parts.netloc.rpartition("@")[2]
        shown = f"{parts.scheme}://{host}{parts.path}" if host else parts.path
    except ValueError:
        shown = "an address that is none"
    return speech.quote(shown)


def _status(answer: Answer) -> tuple[str, float | None]:
    """What the server says of a failure, and the pause that it asks for: a google.rpc.Status, or text."""
    if answer.kind in _PROTOBUF and answer.body:
        from google.protobuf.message import DecodeError  # only for failures that say something
        from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no type information

        from telemetry.classification.retry_info import of_status

        try:
            return Status.FromString(answer.body).message, of_status(answer.body)
        except (DecodeError, ValueError):
            return "", None
    if answer.kind == "application/json":
        try:
            return str(json.loads(answer.body)["message"]), None
        except (ValueError, TypeError, LookupError, RecursionError):
            pass  # JSON of another shape is shown as it is
    if answer.kind == "text/html":
        return "", None  # pages for browsers say nothing to read in a line
    return answer.body.decode("utf-8", "replace"), None


def _retry_after(answer: Answer, now_s: Callable[[], float]) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_s())
    except (ValueError, TypeError, OverflowError):
        return None
