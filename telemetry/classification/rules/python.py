# SPDX-License-Identifier: Apache-2.0
"""Python itself, pydantic, and the agent's own `KairosError`."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import read, text
from telemetry.classification.statuses import of_http_status
from telemetry.classification.verdict import UNKNOWN, ByCause, ByMembers, Rule, Verdict, natural_component
from telemetry.conventions import COMPONENT_AGENT, COMPONENT_TOOL
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

# A bug in the program, whatever it was doing when it hit it: not followed to the exception behind.
_INTERNAL: Final = UNKNOWN
_INVALID: Final = Verdict(ErrorCode.INVALID_INPUT, COMPONENT_AGENT, False)
_NOT_FOUND: Final = Verdict(ErrorCode.NOT_FOUND, COMPONENT_AGENT, False)
_UNAUTHORIZED: Final = Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_AGENT, False)
_TIMEOUT: Final = Verdict(ErrorCode.TIMEOUT, COMPONENT_AGENT, True)
_TRANSIENT: Final = Verdict(None, COMPONENT_TOOL, True)
_FAILED: Final = Verdict(None, COMPONENT_TOOL, False)

_NETWORK = frozenset(
    {
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.EHOSTDOWN,
        errno.ENOTCONN,
        errno.EADDRNOTAVAIL,
    }
)


def _of_os_error(err: Any) -> Verdict | None:
    # What Python has a class for (ConnectionRefusedError, TimeoutError, ...) never comes here.
    number = read(err, "errno")
    if type(number) is int:
        return _TRANSIENT if number in _NETWORK else None
    # asyncio joins the failures of a name's several addresses into one text and loses the number.
    arguments = read(err, "args")
    message = text(arguments[0]) if type(arguments) is tuple and arguments else None
    return _TRANSIENT if message is not None and message.startswith("Multiple exceptions: ") else None


def _of_url_error(err: Any) -> Verdict | None:
    reason = type(read(err, "reason"))
    if issubclass(reason, TimeoutError):
        return _TIMEOUT._replace(component=COMPONENT_TOOL)
    if not issubclass(reason, OSError):
        return _INVALID._replace(component=COMPONENT_TOOL)  # such as "unknown url type: x"
    return _FAILED if reason.__name__ in {"SSLError", "SSLCertVerificationError"} else _TRANSIENT


def _of_http_error(err: Any) -> Verdict | None:
    return of_http_status(read(err, "code"), COMPONENT_TOOL) or _FAILED


def _of_cancellation(_: Any) -> Verdict | None:
    # A function, so that no cancellation ever looks like a type with a fixed classification.
    return _INTERNAL


def _of_kairos_error(err: Any) -> Verdict | ByCause | None:
    code = read(err, "code")
    if type(code) is not ErrorCode:
        return None
    recoverable = read(err, "recoverable")
    component = natural_component(code)
    if type(recoverable) is bool:
        return Verdict(code, component, recoverable)
    verdict = Verdict(code, component, code.is_recoverable)
    return ByCause(verdict) if code.depends_on_cause else verdict


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "telemetry.errors": {"KairosError": _of_kairos_error},
    "builtins": {
        "BaseExceptionGroup": ByMembers(),
        "TimeoutError": _TIMEOUT,
        "ConnectionError": _TRANSIENT,
        "PermissionError": _UNAUTHORIZED,
        "FileNotFoundError": _NOT_FOUND,
        "ProcessLookupError": _NOT_FOUND,
        "FileExistsError": _INVALID,
        "IsADirectoryError": _INVALID,
        "NotADirectoryError": _INVALID,
        "OSError": _of_os_error,
        "ValueError": _INVALID,
        "ArithmeticError": _INTERNAL,
        "AssertionError": _INTERNAL,
        "AttributeError": _INTERNAL,
        "BufferError": _INTERNAL,
        "EOFError": _INTERNAL,
        "ImportError": _INTERNAL,
        "LookupError": _INTERNAL,
        "MemoryError": _INTERNAL,
        "NameError": _INTERNAL,
        "NotImplementedError": _INTERNAL,
        "RecursionError": _INTERNAL,
        "ReferenceError": _INTERNAL,
        "StopIteration": _INTERNAL,
        "StopAsyncIteration": _INTERNAL,
        "SyntaxError": _INTERNAL,
        "SystemError": _INTERNAL,
        "TypeError": _INTERNAL,
        "Warning": _INTERNAL,
        "GeneratorExit": _of_cancellation,
        "KeyboardInterrupt": _of_cancellation,
        "SystemExit": _of_cancellation,
    },
    "asyncio": {
        "CancelledError": _of_cancellation,
        "IncompleteReadError": _TRANSIENT,
        "InvalidStateError": _INTERNAL,
        "LimitOverrunError": _INTERNAL,
        "QueueEmpty": _INTERNAL,
        "QueueFull": _INTERNAL,
    },
    "trio": {"Cancelled": _of_cancellation},
    "concurrent.futures": {
        "CancelledError": _of_cancellation,
        "BrokenExecutor": _INTERNAL,
        "InvalidStateError": _INTERNAL,
    },
    "subprocess": {
        "TimeoutExpired": Verdict(ErrorCode.TIMEOUT, COMPONENT_TOOL, True),
        "CalledProcessError": Verdict(ErrorCode.TOOL_FAILURE, COMPONENT_TOOL, False),
    },
    "socket": {"gaierror": _TRANSIENT, "herror": _TRANSIENT},
    "ssl": {
        "SSLError": _FAILED,
        "SSLEOFError": _TRANSIENT,
        "SSLSyscallError": _TRANSIENT,
        "SSLZeroReturnError": _TRANSIENT,
    },
    "urllib.error": {
        "HTTPError": _of_http_error,
        "URLError": _of_url_error,
        "ContentTooShortError": _TRANSIENT,
    },
    "http.client": {
        "HTTPException": _FAILED,
        "BadStatusLine": _TRANSIENT,
        "IncompleteRead": _TRANSIENT,
        "RemoteDisconnected": _TRANSIENT,
        "InvalidURL": _INVALID,
        "ImproperConnectionState": _INTERNAL,
        "NotConnected": _INTERNAL,
    },
    "pydantic_core": {
        "ValidationError": _INVALID,
        "PydanticCustomError": _INVALID,
        "PydanticKnownError": _INVALID,
        "PydanticSerializationError": _INTERNAL,
        "PydanticSerializationUnexpectedValue": _INTERNAL,
        "SchemaError": _INTERNAL,
    },
    "pydantic": {
        "ValidationError": _INVALID,
        "PydanticUserError": _INTERNAL,
        "PydanticSchemaGenerationError": _INTERNAL,
    },
}
