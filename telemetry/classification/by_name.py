# SPDX-License-Identifier: Apache-2.0
"""Classifying an exception that only its name, message and status are left of.

That is what a span or a log line of somebody else's tells. The class is looked up among the modules
that are loaded; nothing is imported. Where it is not found, its name has to do.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.rules import built_in_rule
from telemetry.classification.statuses import of_grpc_status, of_http_status
from telemetry.classification.verdict import UNKNOWN, ByCause, ByMembers, Verdict
from telemetry.conventions import COMPONENT_AGENT, COMPONENT_LLM, COMPONENT_TOOL, ERROR_TYPE_OTHER
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.classification.verdict import Rule

__all__ = ["verdict_on_name"]

# "Error code: 429 - {...}" (openai, anthropic), "status_code: 429, ..." (pydantic-ai),
# "Client error '404 Not Found' for url ..." (httpx), "503 Server Error: ..." (requests).
_STATUS: Final = re.compile(
    r"(?:error code|status[ _]code|http status|client error|server error)[:= ']{1,3}([1-5]\d\d)\b"
    r"|^([45]\d\d) (?:client|server) error\b",
    re.IGNORECASE,
)
_DETAIL: Final = re.compile(r"""["'](code|type)["']: ?["']([a-z_]{1,64})["']""")
_MOST_CHARACTERS: Final = 2048

_FAILED: Final = Verdict(None, COMPONENT_TOOL, False)
_TRANSIENT: Final = Verdict(None, COMPONENT_TOOL, True)
_TIMEOUT: Final = Verdict(ErrorCode.TIMEOUT, COMPONENT_AGENT, True)
_RATE_LIMIT: Final = Verdict(ErrorCode.RATE_LIMIT, COMPONENT_LLM, True)
_INVALID: Final = Verdict(ErrorCode.INVALID_INPUT, COMPONENT_AGENT, False)
_UNAUTHORIZED: Final = Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_AGENT, False)
_NOT_FOUND: Final = Verdict(ErrorCode.NOT_FOUND, COMPONENT_AGENT, False)

# What providers' and frameworks' classes are called, without their modules.
_BY_ENDING: Final[tuple[tuple[str, Verdict], ...]] = (
    ("ratelimit", _RATE_LIMIT),
    ("throttling", _RATE_LIMIT),
    ("toomanyrequests", _RATE_LIMIT),
    ("resourceexhausted", _RATE_LIMIT),
    ("timeout", _TIMEOUT),
    ("timedout", _TIMEOUT),
    ("deadlineexceeded", _TIMEOUT),
    ("authentication", _UNAUTHORIZED),
    ("permissiondenied", _UNAUTHORIZED),
    ("unauthorized", _UNAUTHORIZED),
    ("forbidden", _UNAUTHORIZED),
    ("notfound", _NOT_FOUND),
    ("validation", _INVALID),
    ("badrequest", _INVALID),
    ("unprocessableentity", _INVALID),
    ("jsondecode", _INVALID),
    ("connection", _TRANSIENT),
    ("connect", _TRANSIENT),
    ("internalserver", _TRANSIENT),
    ("serviceunavailable", _TRANSIENT),
    ("overloaded", _TRANSIENT),
    ("server", _TRANSIENT),
    ("tool", _FAILED),
)


class _Stand:
    """Stands for the exception before a rule that looks at the instance."""

    errno = None
    body = None
    reason = None
    args = ()

    def __init__(self, message: str, status: int | None) -> None:
        told = dict(_DETAIL.findall(message))
        self.message = message
        self.status_code = self.status = status
        # botocore and urllib keep the status in `code`, the providers the name of the error.
        self.code: Any = told.get("code")
        self.type: Any = told.get("type")
        self.body = {"error": {"type": self.type}}
        self.response = self


def verdict_on_name(
    name: str | None, message: str | None, status: int | None, rule_of: Callable[[type], Rule | None]
) -> Verdict:
    """The verdict on an exception of that name.

    Args:
        name: Name of its class, best with its module; or what `error.type` may be instead: an HTTP
            status, the name of a gRPC status, `_OTHER`.
        message: Its message.
        status: The HTTP status that came with it.
        rule_of: The rule of a class, registrations included.
    """
    message = (message or "")[:_MOST_CHARACTERS]
    if name is not None and name.isdecimal():
        status, name = status or int(name), None
    if name == ERROR_TYPE_OTHER:
        name = None
    if status is None:
        found = _STATUS.search(message)
        status = int(found[1] or found[2]) if found else None
    cls = _loaded(name) if name else None
    rule = rule_of(cls) if cls is not None else _built_in(name or "")
    if isinstance(rule, ByMembers):
        rule = None
    said = rule(_Stand(message, status)) if callable(rule) else rule
    if isinstance(said, ByCause):
        said = said.verdict
    if said is not None and (said.recoverable or said.code is not None):
        by_status = of_http_status(status, said.component, said.code) if said.code is None else None
        return by_status or said
    return (
        of_http_status(status, COMPONENT_TOOL)
        or (of_grpc_status(name, COMPONENT_TOOL) if name else _FAILED)
        or said
        or (_by_ending(name or "") if cls is None else None)
        or UNKNOWN
    )


def _built_in(name: str) -> Rule | None:
    module, _, short = name.rpartition(".")
    return built_in_rule(module or "builtins", short)


def _loaded(name: str) -> type | None:
    """The class of that qualified name, in a module that is loaded."""
    module, _, short = name.rpartition(".")
    modules: Mapping[str, Any] = sys.modules
    found = getattr(modules.get(module or "builtins"), short, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _by_ending(name: str) -> Verdict | None:
    short = name.rpartition(".")[2].lower().replace("_", "")
    for ending in ("error", "exception", "failure"):
        short = short.removesuffix(ending)
    for part, verdict in _BY_ENDING:
        if short.endswith(part):
            return verdict
    return None
