# SPDX-License-Identifier: Apache-2.0
"""An error on a span: status, attributes, and the exception once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from opentelemetry.trace import Status, StatusCode

from telemetry import conventions as names
from telemetry.errors import KairosError
from telemetry.text import clip, cut_stack, type_name
from telemetry.tracing.marks import first_event
from telemetry.tracing.tracebacks import TracebackFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeGuard

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from telemetry.metrics.error_counts import ErrorKey

__all__ = ["SpanErrors", "error_type"]

_RESERVED = frozenset({names.ERROR_CODE, names.ERROR_TYPE, names.ERROR_RECOVERABLE})
_SIGNAL_VARIABLE = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"


def error_type(error: BaseException) -> str:
    """Returns the value of `error.type`: the qualified class name, or `_OTHER` when it has none."""
    module, name = _of_class(error, "__module__"), _of_class(error, "__qualname__")
    if not isinstance(module, str):
        return names.ERROR_TYPE_OTHER
    return str(name) if module == "builtins" else f"{module}.{name}"


class SpanErrors:
    """Writes errors on spans.

    `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` is honoured: `logs` writes the exception as a log record
    instead of a span event, `logs/dup` writes both (OpenTelemetry semantic conventions, "Exceptions").

    Args:
        attribute_bytes: Bytes of UTF-8 per attribute value.
        emit_log: Takes (span, event name, attributes) of an exception as a log record.
    """

    def __init__(
        self, attribute_bytes: int, emit_log: Callable[[Span, str, Mapping[str, AttributeValue]], None]
    ) -> None:
        opted = {item.strip() for item in os.environ.get(_SIGNAL_VARIABLE, "").split(",")}
        self._with_log = bool(opted & {"logs", "logs/dup"})
        self._with_event = "logs" not in opted or "logs/dup" in opted
        self._limit = attribute_bytes
        self._emit_log = emit_log
        self._tracebacks = TracebackFormatter()

    def record(self, span: Span, error: BaseException, key: ErrorKey) -> None:
        """Makes a recording span a failed one: status, attributes, and the exception if it is new."""
        code, component, recoverable = key
        kind = error_type(error)
        attributes: dict[str, AttributeValue] = {
            names.ERROR_TYPE: kind,
            names.ERROR_CODE: code,
            names.ERROR_RECOVERABLE: recoverable,
            names.COMPONENT: component,
        }
        if issubclass(type(error), KairosError):  # isinstance would ask the object itself
            attributes.update(self._told_by(cast("KairosError", error)))
        span.set_attributes(attributes)
        message = _text(error)
        span.set_status(Status(StatusCode.ERROR, clip(message, self._limit)))
        if first_event(error):
            self._write_exception(span, error, kind, component, message)

    def _write_exception(
        self, span: Span, error: BaseException, kind: str, component: str, message: str
    ) -> None:
        attributes: dict[str, AttributeValue] = {
            names.EXCEPTION_TYPE: kind,
            names.EXCEPTION_MESSAGE: self._cut(message),
            names.EXCEPTION_STACKTRACE: cut_stack(self._traceback(error), self._limit),
        }
        if self._with_event:
            span.add_event(names.EXCEPTION_EVENT, attributes)
        if self._with_log:
            self._emit_log(span, f"{component}.exception", attributes)

    def _traceback(self, error: BaseException) -> str:
        try:
            return self._tracebacks.format(error)
        except Exception:  # noqa: BLE001 - no exception at all, or one whose attributes cannot be read
            return f"<{type_name(error)} without a readable traceback>\n"

    def _told_by(self, error: KairosError) -> dict[str, AttributeValue]:
        told: dict[str, AttributeValue] = {}
        for prefix, facts in (
            (names.ERROR_PREFIX, error.attributes),
            (names.ERROR_CONTEXT_PREFIX, error.context),
        ):
            for name, value in _items(facts):
                key = f"{prefix}{_text(name)}"
                if key not in _RESERVED:
                    told[key] = value if _is_plain(value) else self._cut(_text(value))
        return told

    def _cut(self, text: str) -> str:
        # One character more than allowed, as the SDK does: the outgoing stage, which cuts and counts, sees
        # by it that something was cut.
        return clip(text[: self._limit + 1], 4 * self._limit + 4)


def _is_plain(value: object) -> TypeGuard[bool | int | float]:
    # An integer beyond 64 bits, which OTLP cannot carry, would cost the whole batch.
    kind = type(value)
    return kind is bool or kind is float or (kind is int and -(2**63) <= cast("int", value) < 2**63)


def _items(facts: object) -> list[tuple[object, object]]:
    try:
        return list(cast("Mapping[object, object]", facts).items())
    except Exception:  # noqa: BLE001 - what an error tells of itself must not hide it
        return []


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - what cannot say what it is must not hide the error that it belongs to
        return f"<{type_name(value)} without a readable text>"


def _of_class(value: object, name: str) -> object:
    try:
        return type.__getattribute__(type(value), name)
    except Exception:  # noqa: BLE001 - a metaclass of somebody's making may raise anything
        return None
