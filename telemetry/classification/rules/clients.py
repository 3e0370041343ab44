# SPDX-License-Identifier: Apache-2.0
"""Generic HTTP clients: httpx (and its fork httpx2, and httpcore below them), requests, urllib3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import read
from telemetry.classification.statuses import of_http_status
from telemetry.classification.verdict import Rule, Verdict
from telemetry.conventions import COMPONENT_TOOL
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

_INTERNAL: Final = Verdict(ErrorCode.INTERNAL_ERROR, COMPONENT_TOOL, False)
_INVALID: Final = Verdict(ErrorCode.INVALID_INPUT, COMPONENT_TOOL, False)
_TIMEOUT: Final = Verdict(ErrorCode.TIMEOUT, COMPONENT_TOOL, True)
_TRANSIENT: Final = Verdict(None, COMPONENT_TOOL, True)
_FAILED: Final = Verdict(None, COMPONENT_TOOL, False)


def _of_response(err: Any) -> Verdict | None:
    return of_http_status(read(err, "response", "status_code"), COMPONENT_TOOL) or _FAILED


def _of_exhausted_retries(err: Any) -> Verdict | None:
    reason = _URLLIB3.get(type(read(err, "reason")).__name__)
    # Without a rule of its own: urllib3 retries connections and 5xx.
    return reason if isinstance(reason, Verdict) else _TRANSIENT


_HTTPX: Final[Mapping[str, Rule]] = {
    "HTTPError": _FAILED,
    "HTTPStatusError": _of_response,
    "RequestError": _FAILED,
    "TransportError": _TRANSIENT,
    "TimeoutException": _TIMEOUT,
    "NetworkError": _TRANSIENT,
    "ProxyError": _TRANSIENT,
    "ProtocolError": _TRANSIENT,
    "LocalProtocolError": _INTERNAL,
    "UnsupportedProtocol": _INVALID,
    "DecodingError": _FAILED,
    "SSEError": _FAILED,
    "TooManyRedirects": _FAILED,
    "InvalidURL": _INVALID,
    "CookieConflict": _INTERNAL,
    "StreamError": _INTERNAL,
    "ConnectionNotAvailable": _TRANSIENT,
}
_REQUESTS: Final[Mapping[str, Rule]] = {
    "RequestException": _FAILED,
    "HTTPError": _of_response,
    "ConnectionError": _TRANSIENT,
    "ConnectTimeout": _TIMEOUT,
    "Timeout": _TIMEOUT,
    "ProxyError": _TRANSIENT,
    "SSLError": _FAILED,
    "ChunkedEncodingError": _TRANSIENT,
    "RetryError": _TRANSIENT,
    "InvalidHeader": _INVALID,
    "InvalidJSONError": _INVALID,
    "InvalidSchema": _INVALID,
    "InvalidURL": _INVALID,
    "MissingSchema": _INVALID,
    "URLRequired": _INVALID,
    "StreamConsumedError": _INTERNAL,
    "UnrewindableBodyError": _INTERNAL,
}
_URLLIB3: Final[Mapping[str, Rule]] = {
    "HTTPError": _FAILED,
    "MaxRetryError": _of_exhausted_retries,
    "TimeoutError": _TIMEOUT,
    "NewConnectionError": _TRANSIENT,
    "ConnectTimeoutError": _TIMEOUT,
    "ReadTimeoutError": _TIMEOUT,
    "NameResolutionError": _TRANSIENT,
    "ProtocolError": _TRANSIENT,
    "IncompleteRead": _TRANSIENT,
    "InvalidChunkLength": _TRANSIENT,
    "ProxyError": _TRANSIENT,
    "ResponseError": _TRANSIENT,
    "EmptyPoolError": _TRANSIENT,
    "SSLError": _FAILED,
    "ClosedPoolError": _INTERNAL,
    "BodyNotHttplibCompatible": _INTERNAL,
    "TimeoutStateError": _INTERNAL,
    "UnrewindableBodyError": _INTERNAL,
    "InvalidHeader": _FAILED,
    "LocationValueError": _INVALID,
    "URLSchemeUnknown": _INVALID,
    "ProxySchemeUnknown": _INVALID,
}

RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "httpx": _HTTPX,
    "httpx2": _HTTPX,
    "httpcore": _HTTPX,
    "httpcore2": _HTTPX,
    "requests": _REQUESTS,
    "urllib3": _URLLIB3,
}
