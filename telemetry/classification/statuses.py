# SPDX-License-Identifier: Apache-2.0
"""HTTP and gRPC status -> verdict, the same for every client library."""

from __future__ import annotations

from typing import Any, Final

from telemetry.classification.reading import text
from telemetry.classification.verdict import Verdict
from telemetry.errors import ErrorCode

__all__ = ["of_grpc_status", "of_http_status"]

# (code, recoverable); code None: the dependency failed, its component says which failure that is.
_Outcome = tuple[ErrorCode | None, bool]

_INVALID: Final[_Outcome] = (ErrorCode.INVALID_INPUT, False)
_UNAUTHORIZED: Final[_Outcome] = (ErrorCode.UNAUTHORIZED, False)
_NOT_FOUND: Final[_Outcome] = (ErrorCode.NOT_FOUND, False)
_TIMEOUT: Final[_Outcome] = (ErrorCode.TIMEOUT, True)
_RATE_LIMIT: Final[_Outcome] = (ErrorCode.RATE_LIMIT, True)
_TRANSIENT: Final[_Outcome] = (None, True)
_FAILED: Final[_Outcome] = (None, False)

_HTTP: Final[dict[int, _Outcome]] = {
    401: _UNAUTHORIZED,
    402: _UNAUTHORIZED,  # the account may not, until somebody pays
    403: _UNAUTHORIZED,
    404: _NOT_FOUND,
    407: _UNAUTHORIZED,
    408: _TIMEOUT,
    409: _FAILED,
    410: _NOT_FOUND,
    423: _FAILED,
    424: _FAILED,
    425: _TRANSIENT,
    429: _RATE_LIMIT,
    451: _UNAUTHORIZED,
    499: _FAILED,
    504: _TIMEOUT,
}

_GRPC: Final[dict[str, _Outcome]] = {
    "CANCELLED": _FAILED,
    "UNKNOWN": _TRANSIENT,  # as HTTP 500: the server's handler raised
    "INVALID_ARGUMENT": _INVALID,
    "DEADLINE_EXCEEDED": _TIMEOUT,
    "NOT_FOUND": _NOT_FOUND,
    "ALREADY_EXISTS": _FAILED,
    "PERMISSION_DENIED": _UNAUTHORIZED,
    "RESOURCE_EXHAUSTED": _RATE_LIMIT,
    "FAILED_PRECONDITION": _INVALID,
    "ABORTED": _TRANSIENT,
    "OUT_OF_RANGE": _INVALID,
    "UNIMPLEMENTED": _FAILED,
    "INTERNAL": _TRANSIENT,
    "UNAVAILABLE": _TRANSIENT,
    "DATA_LOSS": _FAILED,
    "UNAUTHENTICATED": _UNAUTHORIZED,
}


def of_http_status(status: Any, component: str, failure: ErrorCode | None = None) -> Verdict | None:
    """The verdict on an HTTP status.

    Args:
        status: The status as the library gives it.
        component: The library's natural component.
        failure: The code of a failed dependency, where the library has only one.

    Returns:
        None when `status` is no HTTP status.
    """
    if not issubclass(type(status), int) or not 100 <= status <= 599:
        return None
    if status in _HTTP:
        code, recoverable = _HTTP[status]
    elif status >= 500:
        code, recoverable = _TRANSIENT
    else:
        # RFC 9110, 15: an unknown 4xx is read as 400. Below that the answer itself is the failure.
        code, recoverable = _INVALID if status >= 400 else _FAILED
    return Verdict(code or failure, component, recoverable)


def of_grpc_status(name: Any, component: str, failure: ErrorCode | None = None) -> Verdict | None:
    """The verdict on the name of a gRPC status code, else as `of_http_status`."""
    outcome = _GRPC.get(text(name) or "")
    return None if outcome is None else Verdict(outcome[0] or failure, component, outcome[1])
