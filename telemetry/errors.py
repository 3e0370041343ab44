# SPDX-License-Identifier: Apache-2.0
"""Errors: what an agent reports (`KairosError`) and what this package raises itself.

Exception
├── KairosError              an agent's own failure, with one of the nine codes
└── TelemetryError           this package could not be set up
    ├── ConfigError          (also ValueError) bad settings, all of them at once
    └── MissingExtraError    (also ImportError) an optional dependency is not installed
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - importing typing for a guard would cost more start-up time
from enum import StrEnum

__all__ = ["ConfigError", "ErrorCode", "KairosError", "MissingExtraError", "TelemetryError"]


class ErrorCode(StrEnum):
    """The nine error codes; the value is what appears as the attribute `error.code`.

    Source: the Kairos contract. Each code has an HTTP and a gRPC equivalent, so that a service
    can answer its callers with the status that fits.
    """

    INTERNAL_ERROR = "internal_error"
    INVALID_INPUT = "invalid_input"
    TOOL_FAILURE = "tool_failure"
    TIMEOUT = "timeout"
    RATE_LIMIT = "rate_limit"
    NOT_FOUND = "not_found"
    UNAUTHORIZED = "unauthorized"
    MEMORY_ERROR = "memory_error"
    LLM_ERROR = "llm_error"

    @property
    def http_status(self) -> int:
        """The HTTP status that a service answers with for this code."""
        return _HTTP_STATUS.get(self.value, 503)

    @property
    def grpc_status(self) -> str:
        """The name of the gRPC status code that a service answers with for this code."""
        return _GRPC_STATUS.get(self.value, "UNAVAILABLE")

    @property
    def is_recoverable(self) -> bool:
        """Whether an error of this code is worth another attempt when nothing more is known."""
        return self in (ErrorCode.TIMEOUT, ErrorCode.RATE_LIMIT)

    @property
    def depends_on_cause(self) -> bool:
        """Whether a transient cause (connection, 5xx, 429, ...) makes an error of this code recoverable."""
        return self in (ErrorCode.TOOL_FAILURE, ErrorCode.MEMORY_ERROR, ErrorCode.LLM_ERROR)


# Codes that are not listed stand for a failed dependency: 503 / UNAVAILABLE.
_HTTP_STATUS = {
    "internal_error": 500,
    "invalid_input": 400,
    "timeout": 504,
    "rate_limit": 429,
    "not_found": 404,
    "unauthorized": 401,
}
_GRPC_STATUS = {
    "internal_error": "INTERNAL",
    "invalid_input": "INVALID_ARGUMENT",
    "timeout": "DEADLINE_EXCEEDED",
    "rate_limit": "RESOURCE_EXHAUSTED",
    "not_found": "NOT_FOUND",
    "unauthorized": "UNAUTHENTICATED",
}


class KairosError(Exception):
    """An agent's failure with a code, told by the code that knows it best.

    Args:
        code: One of the nine codes, as `ErrorCode` or its lower-case value.
        message: What happened, for people.
        cause: The exception behind it; becomes `__cause__`.
        recoverable: Whether another attempt may succeed. Default: decided by the code, and for
            `tool_failure`, `memory_error` and `llm_error` by whether the cause is transient;
            `telemetry.classify` decides, so this attribute stays None.
        context: Facts of the situation; on a span they appear as `error.context.<key>`.
        attributes: Facts of the error itself; on a span they appear as `error.<key>`.

    Raises:
        ValueError: `code` is none of the nine.

    Pickling and copying keep everything but the cause, as with every Python exception; subclasses
    may have an `__init__` of their own.
    """

    def __init__(
        self,
        code: ErrorCode | str,
        message: str,
        *,
        cause: BaseException | None = None,
        recoverable: bool | None = None,
        context: Mapping[str, object] | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code, message)
        try:
            self.code = ErrorCode(code)
        except ValueError:
            raise ValueError(
                f"code: {code!r} is not an error code; allowed: {', '.join(ErrorCode)}. "
                "Use a member of ErrorCode."
            ) from None
        self.message = message
        if cause is not None:  # assigning None would hide the exception that is being handled
            self.__cause__ = cause
        self.recoverable = recoverable
        self.context = dict(context or {})
        self.attributes = dict(attributes or {})

    def __str__(self) -> str:
        return str(self.message)

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own would call a subclass' __init__ with our two arguments.
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(cls: type[KairosError], args: tuple[object, ...]) -> KairosError:
    return cls.__new__(cls, *args)


class TelemetryError(Exception):
    """Base of what this package raises itself, always at set-up, never while recording."""


class ConfigError(TelemetryError, ValueError):
    """Settings that cannot be used.

    Args:
        problems: One sentence per bad setting: its name, where the value came from, the value
            (secrets masked), what is allowed and how to fix it.

    Attributes:
        problems: The same sentences.
    """

    def __init__(self, problems: list[str] | tuple[str, ...]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 setting cannot be used" if count == 1 else f"{count} settings cannot be used"
        super().__init__("\n".join([f"{head}:", *(f"  - {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,), self.__dict__


class MissingExtraError(TelemetryError, ImportError):
    """An optional dependency is not installed.

    Args:
        capability: What was asked for, for people.
        extra: The extra of this distribution that provides it.
    """

    def __init__(self, capability: str, extra: str) -> None:
        self.capability = capability
        self.extra = extra
        command = f"pip install 'kairos-telemetry[{extra}]'"
        super().__init__(f"{capability} needs an extra that is not installed; run: {command}")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.capability, self.extra), self.__dict__
