# SPDX-License-Identifier: Apache-2.0
"""The audit trail of an agent's runs: who did what, when, how it went; never what was said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, Self

from telemetry import ErrorCode, KairosError, conventions, get_logger, record_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from agent_runtime.types import ModelResponse

__all__ = ["AuditFailedError", "AuditLog", "Audited", "RunAudit"]

_log = get_logger(__name__)
_COMPONENT = "audit"


class AuditLog(Protocol):
    """Where rows go; `telemetry.AuditTrail` is one."""

    def append(self, event: str, /, **fields: Any) -> None:
        """Writes a row before it returns, or raises."""


class AuditFailedError(KairosError):
    """A run was ended because a row of its audit trail could not be written, and `audit_required` is set.

    Args:
        cause: Why it could not be written.
    """

    def __init__(self, cause: BaseException) -> None:
        super().__init__(
            ErrorCode.INTERNAL_ERROR,
            f"the run was ended, because its audit trail cannot be written ({cause}); mend the trail, or set "
            "audit_required=False to go on without",
            recoverable=False,
        )
        self.__cause__ = cause

    def __reduce__(self) -> tuple[type[AuditFailedError], tuple[BaseException | None]]:
        return type(self), (self.__cause__,)


class RunAudit:
    """The rows of one run. Contains what goes wrong with the trail: it is counted and logged.

    Args:
        trail: Where rows go; None: nowhere.
        attributes: The attributes of the run's spans; ids are taken from them.
        is_required: Whether a row that cannot be written ends the run.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        trail: AuditLog | None,
        attributes: Mapping[str, object],
        *,
        is_required: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._trail = trail
        self._attributes = attributes
        self._is_required = is_required
        self._clock = clock
        self._failure: Exception | None = None

    def check(self) -> None:
        """Ends the run when it is not audited and has to be.

        Raises:
            AuditFailedError: A row of this run could not be written, and `is_required` is set.
        """
        if self._failure is not None and self._is_required:
            raise AuditFailedError(self._failure)

    def write(self, event: str, **fields: Any) -> None:
        """Writes a row. Never raises; see `check`."""
        if self._trail is None:
            return
        known = self._attributes.get
        try:
            self._trail.append(
                event,
                agent_id=known(conventions.AGENT_ID),
                session_id=known(conventions.SESSION_ID) or known(conventions.AGENT_ID),
                run_id=known(conventions.AGENT_RUN_ID),
                **fields,
            )
        except Exception as error:  # noqa: BLE001 - telemetry never raises into the agent
            if self._failure is None:  # one line for each run, each row in the metric
                _log.error("a row of the audit trail could not be written: %s", error)
            self._failure = error
            record_error(error, component=_COMPONENT)

    def tool_use(self, tool: str, call_id: str, arguments: str) -> Audited:
        """Begins the row of a tool that is used, as `with`."""
        return Audited(self, self._clock, "tool_use", tool=tool, call_id=call_id, bytes_in=_size(arguments))

    def model_call(self, model: str, provider: str, host: object) -> Audited:
        """Begins the row of a call of a model, as `with`."""
        return Audited(self, self._clock, "model_call", model=model, provider=provider, dest_host=host)

    def run(self, name: str, prompt: str) -> Audited:
        """Writes that a run begins, and begins the row that it has ended, as `with`."""
        fields = {"agent": name, "model": self._attributes.get(conventions.AGENT_MODEL)}
        self.write("run_started", **fields, bytes_in=_size(prompt))
        return Audited(self, self._clock, "run_ended", **fields)


class Audited:
    """A row that is written when something ends, well or not; its error is only looked at.

    Args:
        audit: The run's rows.
        clock: Seconds that only go forward.
        event: The row's event.
        **fields: Its first members.
    """

    def __init__(self, audit: RunAudit, clock: Callable[[], float], event: str, **fields: Any) -> None:
        self._audit = audit
        self._clock = clock
        self._event = event
        self._fields = fields
        self._started = clock()

    def on(self, operation: Any) -> None:
        """Takes the ids of the operation's span, so that row and span find each other."""
        context = operation.span.get_span_context()
        if context.is_valid:
            self._fields["trace_id"] = f"{context.trace_id:032x}"
            self._fields["span_id"] = f"{context.span_id:016x}"

    def result(self, content: str) -> None:
        """Takes a result; only its size goes into the row."""
        self._fields["bytes_out"] = _size(content)

    def answer(self, response: ModelResponse) -> None:
        """Takes a model's answer; only counts go into the row."""
        self.result(response.text)
        usage = response.usage
        self._fields |= {
            "finish_reason": response.finish_reason,
            "tool_calls": len(response.tool_calls),
            "input_tokens": None if usage is None else usage.input_tokens,
            "output_tokens": None if usage is None else usage.output_tokens,
        }

    def refuse(self) -> None:
        """Notes that it was not allowed to happen."""
        self._fields["policy_outcome"] = "blocked"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        fields = {"policy_outcome": "allowed", **self._fields}
        if error is not None:
            fields["error_type"] = _type_of(error)
        duration_ms = round((self._clock() - self._started) * 1000.0, 3)
        self._audit.write(self._event, duration_ms=duration_ms, **fields)


def _type_of(error: BaseException) -> str:
    """The class of what went wrong; `KairosError` alone says nothing, its cause or its code does."""
    if type(error) is not KairosError:
        return type(error).__name__
    return str(error.code) if error.__cause__ is None else type(error.__cause__).__name__


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
