# SPDX-License-Identifier: Apache-2.0
"""The public functions, bound to the one handle.

Set-up raises clear errors. Recording never raises: each function looks whether a pipeline is
active, hands over, and contains what goes wrong. Importing this module imports no OpenTelemetry.
"""

from __future__ import annotations

import os

from telemetry.pipeline.handle import HANDLE
from telemetry.tracing.marks import COUNTED

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this module
if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger
    from typing import Any, TextIO

    from opentelemetry.trace import Span

    from telemetry.classification import Classification
    from telemetry.config import Config, Settings
    from telemetry.errors import ErrorCode
    from telemetry.metrics.instruments import Counter, Gauge, Histogram
    from telemetry.metrics.states import CircuitState, HealthStatus
    from telemetry.pipeline.telemetry import Telemetry

__all__ = [
    "classify",
    "configure_logging",
    "counter",
    "gauge",
    "get_logger",
    "histogram",
    "init",
    "init_with_config",
    "record_error",
    "record_error_metric",
    "record_error_span",
    "record_recovery",
    "register_classifier",
    "retry_after",
    "set_circuit_state",
    "set_health",
]


# -- set-up ------------------------------------------------------------------------------------


def init(service_name: str, version: str = "", **settings: Any) -> Telemetry:
    """Sets telemetry up: to stdout, unless settings, environment or a settings file say otherwise.

    A second call replaces the first pipeline, which is flushed and shut down, and warns.

    Args:
        service_name: `service.name`, where neither environment nor settings file name it.
        version: `service.version`, likewise.
        **settings: Fields of `Config`; they take precedence over environment and file.

    Returns:
        The running pipeline. Calling it shuts it down.

    Raises:
        ConfigError: Settings cannot be used; it lists all of them.
        MissingExtraError: A setting needs an extra that is not installed.
        TelemetryError: An exporter could not be set up.
    """
    from telemetry.config.off import is_off

    if is_off(settings.get("exporter"), os.environ):
        return _switch_off()
    from telemetry.config import load_config

    return _start(load_config(service_name, version, **settings))


def init_with_config(service_name: str, version: str, config: Config) -> Telemetry:
    """Sets telemetry up from a `Config`.

    Args:
        service_name: `service.name`, where the configuration has none.
        version: `service.version`, likewise.
        config: The settings.

    Returns:
        The running pipeline. Calling it shuts it down.

    Raises:
        MissingExtraError: A setting needs an extra that is not installed.
        TelemetryError: An exporter could not be set up.
    """
    return _start(config.for_service(service_name, version))


def _start(config: Settings) -> Telemetry:
    if config.is_off:
        return _switch_off()
    from telemetry.pipeline.start import start

    return start(HANDLE, config)


def _switch_off() -> Telemetry:
    earlier = HANDLE.telemetry
    if earlier is not None:
        earlier.shutdown()
    from telemetry.pipeline.off import NoTelemetry

    return NoTelemetry()  # type: ignore[return-value]  # the same interface; a subclass would import the SDK


# -- errors ------------------------------------------------------------------------------------


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
        if span is None:
            record_error_metric(err, component)
        else:
            _count(err, component, span)
        try:
            recorder.write(span, err, component)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            recorder.trouble.report("record_error", problem)


def record_error_metric(err: BaseException, component: str | None = None) -> None:
    """Counts an error, as `record_error` does, without writing it on a span. Never raises.

    Args:
        err: The exception.
        component: Whose error it is. Default: what classification says.
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
                series.look_for_exemplar()
            return
    except Exception:  # noqa: BLE001, S110 - whatever the short cut cannot do, the long way does or reports
        pass
    _count(err, component)


def _count(err: BaseException, component: str | None, span: Span | None = None) -> None:
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
            recorder.trouble.report("record_error_span", problem)


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


# -- states ------------------------------------------------------------------------------------


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


# -- instruments of your own -------------------------------------------------------------------


def counter(name: str, unit: str = "", description: str = "") -> Counter:
    """Returns the counter of this name; `counter.bind({...})` gives a series with `inc()` and `add(n)`.

    It may be made before `init` and survives a later one; while no pipeline is active, what is
    counted goes nowhere.

    Args:
        name: Name of the instrument.
        unit: Unit in UCUM, such as `s` or `{request}`.
        description: What it counts.

    Raises:
        ValueError: The name belongs to an instrument of another kind, or name or unit is not allowed.
    """
    return HANDLE.instruments.counter(name, unit, description)


def gauge(name: str, unit: str = "", description: str = "") -> Gauge:
    """Returns the gauge of this name; `gauge.bind({...})` gives a series with `set(v)`.

    Args:
        name: Name of the instrument.
        unit: Unit in UCUM, such as `By` or `{connection}`.
        description: What it shows.

    Raises:
        ValueError: The name belongs to an instrument of another kind, or name or unit is not allowed.
    """
    return HANDLE.instruments.gauge(name, unit, description)


def histogram(
    name: str, unit: str = "", description: str = "", *, buckets: Sequence[float] | None = None
) -> Histogram:
    """Returns the histogram of this name; `histogram.bind({...})` gives a series with `record(v)`.

    Args:
        name: Name of the instrument.
        unit: Unit in UCUM, such as `s`.
        description: What it measures.
        buckets: Upper bounds of the buckets, in the unit. Default: OpenTelemetry's.

    Raises:
        ValueError: The name belongs to an instrument of another kind, or name or unit is not allowed.
    """
    return HANDLE.instruments.histogram(name, unit, description, buckets)


# -- logging -----------------------------------------------------------------------------------


def configure_logging(
    level: str | int = "INFO",
    format: str = "text",  # noqa: A002 - the contract's name
    *,
    stream: TextIO | None = None,
) -> None:
    """Makes the standard library's logging trace-aware, and exports records while a pipeline does.

    Handlers that exist stay as they are; their records gain `trace_id`, `span_id` and `service_name`.

    Args:
        level: Lowest level that is logged.
        format: `text` for people or `json`, one object per line.
        stream: Where our own handler writes when there is none yet. Default: stderr.

    Raises:
        ConfigError: `level` or `format` is not allowed.
    """
    from telemetry.logs import configure_logging as configure

    configure(level, format, stream=stream, emit_logger=_log_target, service_name=_service_name)


def get_logger(name: str | None = None) -> Logger:
    """Returns the standard library's logger of this name.

    Args:
        name: Dotted name, usually `__name__`. Default: the root logger.
    """
    from telemetry.logs import get_logger as get

    return get(name)


def _log_target(name: str) -> Any:
    active = HANDLE.telemetry
    return None if active is None else active.log_target(name)


def _service_name() -> str:
    active = HANDLE.telemetry
    return "" if active is None else active.config.service_name
