# SPDX-License-Identifier: Apache-2.0
"""What the configuration makes of GenAI operations: names, metrics, content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from telemetry import conventions as names
from telemetry.logs.values import plain
from telemetry.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from telemetry.config import Settings
    from telemetry.metrics.genai import GenAIMetrics

__all__ = ["ConfiguredGenAI"]


class ConfiguredGenAI:
    """GenAI operations as one configuration wants them.

    Args:
        config: `semconv`, `semconv_gen_ai`, `capture_content` and `attribute_value_limit` are read.
        metrics: Where durations and tokens go.
        emit_event: Takes (span, event name, attributes) as a log record.
    """

    def __init__(
        self,
        config: Settings,
        metrics: GenAIMetrics,
        emit_event: Callable[[Span, str, Mapping[str, AttributeValue]], None],
    ) -> None:
        self._semconv = config.semconv
        self._metrics = metrics if config.semconv != names.SEMCONV_KAIROS else None
        self._emit_event = emit_event
        self._limit = config.attribute_value_limit
        self._on_span = config.capture_content in ("span", "both")
        self._as_event = config.capture_content in ("event", "both")
        self.cache_creation_tokens = names.CACHE_CREATION_TOKENS[config.semconv_gen_ai]

    def spell(self, attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        """Returns attributes under the official names, the older ones, or both."""
        spelled = dict(attributes)
        if self._semconv != names.SEMCONV_GEN_AI:
            for official, older in names.OLDER_NAMES.items():
                if official in attributes:
                    spelled.setdefault(older, attributes[official])
                    if self._semconv == names.SEMCONV_KAIROS:
                        del spelled[official]
        return spelled

    def duration(self, operation: str, seconds: float, labels: Mapping[str, object]) -> None:
        """Records how long an operation took."""
        if self._metrics is not None:
            self._metrics.duration(operation, seconds, labels)

    def tokens(self, kind: str, count: int, labels: Mapping[str, object]) -> None:
        """Records tokens; `kind` is `input` or `output`."""
        if self._metrics is not None:
            self._metrics.tokens(kind, count, labels)

    def first_chunk(self, seconds: float, labels: Mapping[str, object]) -> None:
        """Records the time to the first chunk of a streamed answer."""
        if self._metrics is not None:
            self._metrics.first_chunk(seconds, labels)

    def content(self, span: Span, content: Mapping[str, object]) -> None:
        """Writes content where `capture_content` allows it.

        On the span as JSON text, which every consumer can carry; on the event structured, as the
        GenAI conventions want it, unless that would be longer than an attribute may be. A callable
        is asked for the content only where it is wanted.
        """
        if not content or not (self._on_span or self._as_event):
            return
        texts = {key: _json(value() if callable(value) else value) for key, value in content.items()}
        clipped: dict[str, AttributeValue] = {key: clip(text, self._limit) for key, text in texts.items()}
        if self._on_span:
            span.set_attributes(clipped)
        if self._as_event:
            structured = {
                key: json.loads(text) if clipped[key] == text else clipped[key] for key, text in texts.items()
            }
            self._emit_event(span, names.EVENT_OPERATION_DETAILS, structured)


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    except Exception:  # noqa: BLE001 - odd keys, content that contains itself, a __str__ that raises
        return json.dumps(plain(value), ensure_ascii=False)
