# SPDX-License-Identifier: Apache-2.0
"""From a finished span to its normal form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode

from telemetry import conventions as names
from telemetry.genai.call import AGENT, LLM, TOOL, Call, Told
from telemetry.genai.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan  # noqa: TID251 - for type checkers only

    from telemetry.genai.dialects import Dialect

__all__ = ["call_of", "told_by"]

_MOST_CHARACTERS = 8192


def call_of(span: ReadableSpan) -> Call | None:
    """Returns what a span says was called; None when no dialect says anything about it."""
    attributes = dict(span.attributes or {})
    scope = span.instrumentation_scope.name if span.instrumentation_scope is not None else ""
    for dialect in DIALECTS:
        found = _recognised(dialect, attributes, scope)
        if found is not None:
            return _normal(span, dialect, attributes, scope, *found)
    return None


def told_by(span: ReadableSpan, status_names: tuple[str, ...] = ()) -> Told | None:
    """Returns what a span tells about its error; None when it did not fail."""
    attributes = span.attributes or {}
    kind = _text(attributes.get(names.ERROR_TYPE))
    if span.status.status_code is not StatusCode.ERROR and kind is None:
        return None
    message = span.status.description
    for event in reversed(span.events):
        if event.name == names.EXCEPTION_EVENT and event.attributes:
            kind = _text(event.attributes.get(names.EXCEPTION_TYPE)) or kind
            message = _text(event.attributes.get(names.EXCEPTION_MESSAGE)) or message
            break
    code, component = attributes.get(names.ERROR_CODE), attributes.get(names.COMPONENT)
    recoverable = attributes.get(names.ERROR_RECOVERABLE)
    counted = (
        (code, component, recoverable)
        if isinstance(code, str) and isinstance(component, str) and isinstance(recoverable, bool)
        else None
    )
    return Told(kind, message, _number(attributes, status_names), counted)


def _recognised(dialect: Dialect, attributes: Mapping[str, object], scope: str) -> tuple[str, str] | None:
    if dialect.scopes and not scope.startswith(dialect.scopes):
        return None
    for marker, values in dialect.markers.items():
        value = attributes.get(marker)
        if isinstance(value, str):
            found = values.get(value.lower())
            if found is not None:
                return found
            if marker == names.OPERATION:
                return None  # an operation that we do not know is not a chat because it has a model
    for name, found in dialect.presence.items():
        if name in attributes:
            return found
    return None


def _normal(
    span: ReadableSpan,
    dialect: Dialect,
    attributes: Mapping[str, object],
    scope: str,
    kind: str,
    operation: str,
) -> Call:
    subject = {TOOL: dialect.tool, AGENT: dialect.agent}.get(kind, ())
    is_model = kind == LLM
    context = span.context
    return Call(
        kind=kind,
        operation=operation,
        models=_models(attributes, dialect) if is_model else (None, None),
        provider=_first(attributes, dialect.provider),
        subject=_first(attributes, subject) or (None if is_model else span.name),
        input_tokens=_number(attributes, dialect.input_tokens),
        output_tokens=_number(attributes, dialect.output_tokens),
        response_id=_first(attributes, dialect.response_id),
        server=(_text(attributes.get("server.address")), _number(attributes, ("server.port",))),
        error=told_by(span, dialect.status_code),
        scope=scope,
        trace_id=context.trace_id if context is not None else 0,
        span_id=context.span_id if context is not None else 0,
        parent_id=span.parent.span_id if span.parent is not None else None,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
    )


def _models(attributes: Mapping[str, object], dialect: Dialect) -> tuple[str | None, str | None]:
    asked = _in_json(_first(attributes, dialect.parameters), "model")
    return asked or _first(attributes, dialect.request_model), _first(attributes, dialect.response_model)


def _in_json(written: str | None, key: str) -> str | None:
    if written is None or len(written) > _MOST_CHARACTERS:
        return None
    try:
        found = json.loads(written)
    except ValueError:
        return None
    return _text(found.get(key)) if isinstance(found, dict) else None


def _first(attributes: Mapping[str, object], wanted: tuple[str, ...]) -> str | None:
    for name in wanted:
        value = _text(attributes.get(name))
        if value is not None:
            return value
    return None


def _number(attributes: Mapping[str, object], wanted: tuple[str, ...]) -> int | None:
    for name in wanted:
        value = attributes.get(name)
        if type(value) is int and value >= 0:
            return value
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
