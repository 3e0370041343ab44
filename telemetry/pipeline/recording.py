# SPDX-License-Identifier: Apache-2.0
"""The public functions that record: they never raise, and do nothing while no pipeline is active.

Each looks whether a pipeline is active, hands over, and contains what goes wrong. Importing this
module imports no OpenTelemetry.
"""

from __future__ import annotations

from telemetry.pipeline.handle import HANDLE
from telemetry.tracing.marks import COUNTED

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this module
if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from telemetry.classification import Classification
    from telemetry.errors import ErrorCode
    from telemetry.metrics.states import CircuitState, HealthStatus

__all__ = [
    "classify",
    "record_error",
    "record_error_metric",
    "record_error_span",
    "record_recovery",
    "register_classifier",
    "retry_after",
    "set_circuit_state",
    "set_health",
]


def record_error(err: BaseException, *, component: str | None = None, span: Span | None = None) -> None:
    """Counts an error and writes it on a span. Never raises.

    One exception is counted once, however many layers report it, and so is one that was raised
    `from` a counted one. A cancellation is no error.

    Args:
        err: The exception.
        component: Whose error it is (`llm`, `tool`, ...). Default: what classification says.
        span: The span that failed. Default: the current one.
    """
    recorder = HANDLE.recorder
    if recorder is not None:
        record_error_metric(err, component, span)
        try:
            recorder.write(span, err, component)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            recorder.trouble.report("record_error", problem, "traces")


def record_error_metric(err: BaseException, component: str | None = None, span: Span | None = None) -> None:
    """Counts an error, as `record_error` does, without writing it on a span. Never raises.

    Args:
        err: The exception.
        component: Whose error it is. Default: what classification says.
        span: The span that the count's exemplar points to. Default: the current one.
    """
    short_cuts = HANDLE.short_cuts
    if short_cuts is None:
        return
    try:
        series = short_cuts[component][err.__class__]
        marks = err.__dict__
        if COUNTED in marks:
            return
        if err.__cause__ is None:
            marks[COUNTED] = series.key
            series.inc()
            if series.cell.exemplar_looks:
                series.look_for_exemplar(span)
            return
    except Exception:  # noqa: BLE001, S110 - whatever the short cut cannot do, the long way does or reports
        pass
    recorder = HANDLE.recorder
    if recorder is not None:
        try:
            recorder.count(err, component, span)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            recorder.trouble.report("record_error_metric", problem)


def record_error_span(span: Span, err: BaseException) -> None:
    """Writes an error on a span, as `record_error` does, without counting it. Never raises.

    Args:
        span: The span that failed.
        err: The exception.
    """
    recorder = HANDLE.recorder
    if recorder is not None:
        try:
            recorder.write(span, err)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            recorder.trouble.report("record_error_span", problem, "traces")


def record_recovery(code_or_err: ErrorCode | str | BaseException, component: str | None = None) -> None:
    """Counts an error that a later attempt or a fallback made good. Never raises.

    Args:
        code_or_err: The error that was made good, which gives the exact code, component and
            recoverability that it was counted with; or just its code.
        component: Whose error it was, where `code_or_err` does not know.
    """
    recorder = HANDLE.recorder
    if recorder is not None:
        try:
            recorder.recover(code_or_err, component)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            recorder.trouble.report("record_recovery", problem)


def classify(err: BaseException, component: str | None = None) -> Classification:
    """Says what an exception is: its code, whose error it is, and whether another attempt may succeed.

    Args:
        err: The exception.
        component: Whose error it is. Default: what the exception's library suggests.
    """
    return HANDLE.classifier.classify(err, component)


def register_classifier(
    exception_type: type[BaseException], code: ErrorCode | str, recoverable: bool
) -> None:
    """Teaches `classify` an exception type of yours, subclasses included.

    Args:
        exception_type: The exception class.
        code: One of the nine codes.
        recoverable: Whether another attempt may succeed.

    Raises:
        TypeError: `exception_type` is no exception class.
        ValueError: `code` is none of the nine.
    """
    HANDLE.classifier.register(exception_type, code, recoverable)
    if HANDLE.recorder is not None:
        HANDLE.recorder.forget_short_cuts()


def retry_after(err: BaseException) -> float | None:
    """Returns how many seconds a service asked to wait before the next attempt, or None.

    Args:
        err: The exception; `Retry-After` headers, gRPC RetryInfo and causes are looked at.
    """
    from telemetry.classification import retry_after as look

    return look(err)


def set_health(component: str, status: HealthStatus | int | str) -> None:
    """Sets how a component is; its series appears with the first call. Never raises.

    Args:
        component: The component.
        status: A `HealthStatus`, its number or its name; anything else is left out and logged once.
    """
    setters = HANDLE.health_setters
    if setters is not None:
        try:
            setters[component][status]()
        except Exception:  # noqa: BLE001 - not seen before, or not to be had at all
            _set_state("set_health", component, status)


def set_circuit_state(component: str, state: CircuitState | int | str) -> None:
    """Sets how a component's circuit breaker stands; its series appears with the first call. Never raises.

    Args:
        component: The component.
        state: A `CircuitState`, its number or its name; anything else is left out and logged once.
    """
    setters = HANDLE.circuit_setters
    if setters is not None:
        try:
            setters[component][state]()
        except Exception:  # noqa: BLE001 - not seen before, or not to be had at all
            _set_state("set_circuit_state", component, state)


def _set_state(call: str, component: str, state: int | str) -> None:
    recorder = HANDLE.recorder
    if recorder is not None:
        try:
            states = recorder.health if call == "set_health" else recorder.circuit
            states.set(component, state)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            recorder.trouble.report(call, problem)
