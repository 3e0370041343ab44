# SPDX-License-Identifier: Apache-2.0
"""What a rule says about an error, before the caller's component has its word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from telemetry.conventions import COMPONENT_AGENT, COMPONENT_LLM, COMPONENT_MEMORY, COMPONENT_TOOL
from telemetry.errors import ErrorCode

__all__ = [
    "UNKNOWN",
    "ByCause",
    "ByMembers",
    "Classification",
    "Inspect",
    "Rule",
    "Verdict",
    "natural_component",
]


class Classification(NamedTuple):
    """How an error counts: the three attributes of `kairos.errors.total`.

    Attributes:
        code: One of the nine codes.
        component: The part of the agent that failed.
        recoverable: Whether another attempt may succeed.
    """

    code: ErrorCode
    component: str
    recoverable: bool


class Verdict(NamedTuple):
    """What is known from the error alone.

    Attributes:
        code: One of the nine codes, or None for a dependency that failed through a generic
            client: which failure it is (`tool_failure`, `memory_error`, `llm_error`) depends on
            the component that used the client.
        component: The component that is assumed when the caller names none.
        recoverable: Whether another attempt may succeed.
    """

    code: ErrorCode | None
    component: str
    recoverable: bool

    def named(self, component: str | None) -> Classification:
        """The classification for a caller's component; None keeps the assumed one."""
        component = component or self.component
        code = self.code or _FAILURE_OF.get(component, ErrorCode.TOOL_FAILURE)
        return Classification(code, component, self.recoverable)


class ByCause(NamedTuple):
    """A verdict that becomes recoverable when the error's cause is.

    Attributes:
        verdict: What holds without a cause.
    """

    verdict: Verdict


class ByMembers:
    """The rule of exception groups: the members decide."""

    __slots__ = ()


# A look at the instance; None says nothing, and the exception behind it decides.
Inspect: TypeAlias = Callable[[Any], Verdict | ByCause | None]
Rule: TypeAlias = Verdict | ByCause | ByMembers | Inspect

UNKNOWN = Verdict(ErrorCode.INTERNAL_ERROR, COMPONENT_AGENT, False)

_FAILURE_OF = {
    COMPONENT_LLM: ErrorCode.LLM_ERROR,
    "model": ErrorCode.LLM_ERROR,
    COMPONENT_MEMORY: ErrorCode.MEMORY_ERROR,
}
_COMPONENT_OF = {
    ErrorCode.LLM_ERROR: COMPONENT_LLM,
    ErrorCode.MEMORY_ERROR: COMPONENT_MEMORY,
    ErrorCode.TOOL_FAILURE: COMPONENT_TOOL,
}


def natural_component(code: ErrorCode, default: str = COMPONENT_AGENT) -> str:
    """The component that a code speaks of by its name; the default where it speaks of none."""
    return _COMPONENT_OF.get(code, default)
