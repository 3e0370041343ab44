# SPDX-License-Identifier: Apache-2.0
"""The span that is handed out while no pipeline is active: it takes everything and keeps nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext

__all__ = ["NULL_SPAN"]


class _NullSpan:
    """OpenTelemetry's Span interface without importing OpenTelemetry."""

    __slots__ = ()

    def get_span_context(self) -> SpanContext:
        from opentelemetry.trace import INVALID_SPAN_CONTEXT

        return INVALID_SPAN_CONTEXT

    def is_recording(self) -> bool:
        return False

    def _ignore(self, *_args: object, **_kwargs: object) -> None:
        """Takes anything."""

    end = set_attribute = set_attributes = add_event = add_link = _ignore
    update_name = set_status = record_exception = _ignore

    def __enter__(self) -> _NullSpan:
        return self

    def __exit__(self, *_exception: object) -> None:
        return None


NULL_SPAN = cast("Span", _NullSpan())
