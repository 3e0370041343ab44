# SPDX-License-Identifier: Apache-2.0
"""How an exemplar travels from a cell to the reservoir that publishes it.

An observable instrument hands its SDK a value, attributes and a context; there is no parameter
for an exemplar. So the context carries it: as a value for our reservoir, and as a sampled span
for the SDK's trace-based exemplar filter, which would not let the measurement through otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry.context import Context, create_key, get_current, get_value
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

if TYPE_CHECKING:
    from telemetry.metrics.cells import CounterCell, Exemplar

__all__ = ["context_of", "current_sampled", "exemplar_of", "keep_span"]

_KEY = create_key("kairos-exemplar")


def context_of(exemplar: Exemplar) -> Context:
    """Returns a context that carries an exemplar."""
    span = SpanContext(
        exemplar.trace_id, exemplar.span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(span), Context({_KEY: exemplar}))


def exemplar_of(context: Context) -> Exemplar | None:
    """Returns the exemplar that a context carries, if any."""
    return cast("Exemplar | None", get_value(_KEY, context))


def current_sampled() -> Context | None:
    """Returns the current context, if its span is sampled: what a histogram's exemplar is made from."""
    context = get_current()
    return context if get_current_span(context).get_span_context().trace_flags.sampled else None


def keep_span(cell: CounterCell, span: Span | None) -> None:
    """Lets a cell remember a span (None: the current one), if it is sampled, and notes that it looked."""
    cell.exemplar_looks -= 1
    context = (get_current_span() if span is None else span).get_span_context()
    if context.trace_flags.sampled:
        cell.keep_exemplar(context.trace_id, context.span_id)
