# SPDX-License-Identifier: Apache-2.0
"""The trace context of a log record: `trace_id`, `span_id` and `service_name` on every record."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TraceContextFilter", "current_ids"]


def current_ids() -> tuple[str, str]:
    """Return the current span's trace and span id in lower-case hex, or two empty strings outside a span."""
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return "", ""
    return format_trace_id(context.trace_id), format_span_id(context.span_id)


class TraceContextFilter(logging.Filter):
    """Adds `trace_id`, `span_id` and `service_name` to every record that passes; rejects none.

    The first two are empty outside a span. What a record already carries is kept: a record that comes
    out of a QueueHandler was marked in the thread that logged it. Thread-safe.

    Args:
        service_name: Asked for every record, so that it may become known later than the handler;
            default: an empty name.
    """

    def __init__(self, service_name: Callable[[], str] | None = None) -> None:
        super().__init__()
        self._service_name = service_name

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark the record; always true."""
        fields = record.__dict__
        if "trace_id" not in fields:
            fields["trace_id"], fields["span_id"] = current_ids()
        fields.setdefault("span_id", "")
        if "service_name" not in fields:
            fields["service_name"] = self._service_name() if self._service_name is not None else ""
        return True
