# SPDX-License-Identifier: Apache-2.0
"""How heavy a record is: the length of the texts in it, which is what makes records large."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["weight_of_log", "weight_of_span"]

_DEPTH = 3


def weight_of_span(span: ReadableSpan) -> int:
    """Returns the bytes of a span's attributes and events, roughly; never raises."""
    try:
        events = sum(_weight(event.attributes, 0) for event in span.events)
        return _weight(span.attributes, 0) + events
    except Exception:  # noqa: BLE001 - a guess is not worth an exception; what is wrong with the span shows later
        return 0


def weight_of_log(record: ReadableLogRecord) -> int:
    """Returns the bytes of a log record's body and attributes, roughly; never raises."""
    try:
        return _weight(record.log_record.body, 0) + _weight(record.log_record.attributes, 0)
    except Exception:  # noqa: BLE001 - as above
        return 0


def _weight(value: object, depth: int) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if depth > _DEPTH:
        return 0
    if isinstance(value, list | tuple):
        return sum(_weight(item, depth + 1) for item in value)
    values = getattr(value, "values", None)  # mappings, the SDK's own among them
    return sum(_weight(item, depth + 1) for item in values()) if values is not None else 0
