# SPDX-License-Identifier: Apache-2.0
"""How long the other side asked to wait before the next attempt."""

from __future__ import annotations

import math
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.cancellation import leaves
from telemetry.classification.reading import chained, entry, read, text
from telemetry.classification.retry_info import of_retry_info, of_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["retry_after"]

_MAX_DEPTH: Final = 32
_MAX_LEAVES: Final = 256
# Go's durations, as OpenAI's x-ratelimit-reset-* headers and protobuf's JSON write them.
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)", re.ASCII)
_DURATION: Final = re.compile(rf"(?:{_DURATION_PART.pattern})+", re.ASCII)
_UNIT_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def retry_after(err: object, *, now: Callable[[], float] = time.time) -> float | None:
    """The pause in seconds that a failed dependency asked for; None when it asked for none.

    Read from `retry-after-ms` and `Retry-After` (seconds or an HTTP date; RFC 9110, 10.2.3),
    OpenAI's `x-ratelimit-reset-requests` and `-tokens` where nothing remains of the limit, gRPC's
    `RetryInfo` (`grpc-status-details-bin`, `google.rpc.retryinfo-bin`) and `grpc-retry-pushback-ms`,
    and Google's `RetryInfo` in JSON. The first exception along the chain of causes that says
    something decides; of an exception group, the longest pause. Never raises.

    Args:
        err: The exception.
        now: The wall clock, as seconds since the epoch; an HTTP date is measured against it.
    """
    try:
        return _along_chain(err, now)
    except Exception:  # noqa: BLE001 - a hint is never worth an exception of its own
        return None


def _along_chain(err: Any, now: Callable[[], float], *, is_member: bool = False) -> float | None:
    for _ in range(_MAX_DEPTH):
        if issubclass(type(err), BaseExceptionGroup):
            if is_member:  # a member's chain may lead back to its own group
                return None
            hints = [_along_chain(leaf, now, is_member=True) for leaf in leaves(err)[:_MAX_LEAVES]]
            return max((hint for hint in hints if hint is not None), default=None)
        hint = _of_one(err, now)
        if hint is not None:
            return hint
        err = chained(err)
        if err is None:
            return None
    return None


def _of_one(err: Any, now: Callable[[], float]) -> float | None:
    rpc_error = getattr(sys.modules.get("grpc"), "RpcError", None)
    if rpc_error is not None and issubclass(type(err), rpc_error):
        return _of_metadata(err.trailing_metadata())
    response = read(err, "response")
    get = (
        read(response, "headers", "get")
        or read(entry(response, "ResponseMetadata", "HTTPHeaders"), "get")  # botocore
        or read(err, "headers", "get")  # urllib
    )
    hint = None if get is None else _of_headers(get, now)
    return _of_google_json(read(err, "details")) if hint is None else hint


def _of_headers(get: Callable[[str], Any], now: Callable[[], float]) -> float | None:
    milliseconds = _number(get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = text(get("retry-after"))
    if value is None:
        spent = [
            _duration(get(f"x-ratelimit-reset-{limit}"))
            for limit in ("requests", "tokens")
            if get(f"x-ratelimit-remaining-{limit}") == "0"
        ]
        return max((hint for hint in spent if hint is not None), default=None)
    seconds = _number(value)
    return _until(value, now) if seconds is None else seconds


def _until(date: str, now: Callable[[], float]) -> float | None:
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    # RFC 9110, 5.6.7: an HTTP date is in GMT, also where it says "-0000" or nothing.
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now())


def _number(value: Any) -> float | None:
    try:
        number = float(text(value) or "")
    except ValueError:
        return None
    # A negative pushback forbids the retry; a negative header is none.
    return number if math.isfinite(number) and number >= 0 else None


def _duration(value: Any) -> float | None:
    value = text(value)
    if value is None or _DURATION.fullmatch(value) is None:
        return None
    return sum(float(amount) * _UNIT_S[unit] for amount, unit in _DURATION_PART.findall(value))


def _of_google_json(details: Any) -> float | None:
    """google-genai keeps the answer: `{"error": {"details": [{"@type": ..., "retryDelay": "36s"}]}}`."""
    items = entry(details, "error", "details") or entry(details, "details")
    for item in items if type(items) is list else ():
        if (text(entry(item, "@type")) or "").endswith("google.rpc.RetryInfo"):
            return _duration(entry(item, "retryDelay"))
    return None


def _of_metadata(metadata: Iterable[tuple[str, Any]] | None) -> float | None:
    for key, value in metadata or ():
        hint = None
        if key == "google.rpc.retryinfo-bin":
            hint = of_retry_info(value)
        elif key == "grpc-status-details-bin":
            hint = of_status(value)
        elif key == "grpc-retry-pushback-ms":
            milliseconds = _number(value)
            hint = None if milliseconds is None else milliseconds / 1000
        if hint is not None:
            return hint
    return None
