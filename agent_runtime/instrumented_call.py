# SPDX-License-Identifier: Apache-2.0
"""One call of something instrumented that is not ours: its span, errors, recoveries and health."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from agent_runtime.answers import facts_of
from agent_runtime.resilience.vitals import Vitals
from telemetry import ErrorCode, chat, classify, execute_tool, invoke_agent, record_error, record_recovery

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType
    from typing import Any, Self

    Operation = Any  # one of the three GenAI operations, which the public root does not name

__all__ = ["InstrumentedCall", "Kind", "Subject"]

_CALLERS_FAULT = (ErrorCode.INVALID_INPUT, ErrorCode.NOT_FOUND)
"""Codes that say nothing about a component's health: it answered, the request was wrong."""


class Kind(StrEnum):
    """What an instrumented object is; decides which span its calls get."""

    AGENT = "agent"
    MODEL = "model"
    TOOL = "tool"


class Subject:
    """What is called.

    Args:
        owner: The instrumented object; calls of its methods by one another are one call.
        kind: What it is.
        name: Its name, on the span.
        component: Whose errors its errors are, and whose health its calls show; None: what
            classification says, and no health.
        provider: A model's provider.
    """

    __slots__ = ("_vitals", "component", "kind", "name", "owner", "provider")

    def __init__(self, owner: object, kind: Kind, name: str, component: str | None, provider: str) -> None:
        self.owner = owner
        self.kind = kind
        self.name = name
        self.component = component
        self.provider = provider
        self._vitals = Vitals(component) if component is not None else None

    def operation(self) -> Operation:
        """Returns the GenAI operation of one call."""
        if self.kind is Kind.AGENT:
            return invoke_agent(self.name)
        if self.kind is Kind.MODEL:
            return chat(self.name, provider=self.provider)
        return execute_tool(self.name)

    def is_under_way(self) -> bool:
        """Whether the innermost instrumented call around here is one of the same object."""
        around = _AROUND.get()
        return around is not None and around.owner is self.owner

    def worked(self) -> None:
        """Takes a call that worked."""
        if self._vitals is not None:
            self._vitals.worked()

    def failed(self, error: Exception) -> None:
        """Takes a call that failed."""
        if self._vitals is not None and classify(error, self.component).code not in _CALLERS_FAULT:
            self._vitals.failed()


@dataclass(slots=True)
class _Run:
    """One run of an agent: the errors of what it called that nothing has made good yet."""

    open: dict[int, list[Exception]] = field(default_factory=dict)

    def failed(self, subject: Subject, error: Exception) -> None:
        self.open.setdefault(id(subject.owner), []).append(error)

    def open_errors(self, subject: Subject) -> tuple[Exception, ...]:
        return tuple(self.open.get(id(subject.owner), ()))

    def made_good(self, subject: Subject, errors: tuple[Exception, ...]) -> None:
        still_open = self.open.get(id(subject.owner), [])
        for error in errors:
            try:
                still_open.remove(error)
            except ValueError:
                continue  # a call beside this one was first: an error is made good once
            record_recovery(error, subject.component)


@dataclass(frozen=True, slots=True)
class _Around:
    """The innermost instrumented call, and the agent's run that it belongs to."""

    owner: object
    run: _Run | None


_AROUND: ContextVar[_Around | None] = ContextVar("agent_runtime.instrumented_call", default=None)


class InstrumentedCall:
    """One call, as a context manager: to be entered and left in one context.

    A call that works makes good the errors of earlier calls of the same object in the same run of
    an instrumented agent: those that had ended when it began, so that of two calls side by side
    neither makes the other good.

    Args:
        subject: What is called.
    """

    __slots__ = ("_earlier", "_operation", "_run", "_subject", "_token")

    _token: Token[_Around | None]

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._operation = subject.operation()
        around = _AROUND.get()
        self._run = around.run if around is not None else None
        self._earlier = self._run.open_errors(subject) if self._run is not None else ()

    def __enter__(self) -> Self:
        run = _Run() if self._subject.kind is Kind.AGENT else self._run
        self._token = _AROUND.set(_Around(self._subject.owner, run))
        self._operation.__enter__()
        return self

    def chunk(self) -> None:
        """Takes that a piece of a streamed answer arrived."""
        if self._subject.kind is Kind.MODEL:
            self._operation.first_chunk()

    def answer(self, answer: object) -> None:
        """Takes what the call returned."""
        if self._subject.kind is Kind.MODEL:
            self._operation.response(**facts_of(answer)._asdict())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        subject, run = self._subject, self._run
        if error is None:
            subject.worked()
            if run is not None:
                run.made_good(subject, self._earlier)
        elif isinstance(error, Exception):  # a cancellation is no error
            record_error(error, component=subject.component, span=self._operation.span)
            subject.failed(error)
            if run is not None:
                run.failed(subject, error)
        self._operation.__exit__(kind, error, traceback)
        _AROUND.reset(self._token)
