# SPDX-License-Identifier: Apache-2.0
"""What reads spans beside the exporters, and how it gets them from a provider that is not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opentelemetry.sdk.trace import SpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from telemetry.pipeline.recorder import Recorder

    ReaderFactory = Callable[[Recorder], "SpanReader"]

__all__ = ["SpanReader", "SpanRelay"]


class SpanReader(Protocol):
    """Sees every span of a pipeline; must be quick and never raise."""

    def on_start(self, span: Span) -> None:
        """Sees a span that has started."""

    def on_end(self, span: ReadableSpan) -> None:
        """Sees a span that has ended."""


class SpanRelay(SpanProcessor):
    """A span processor on a provider of the application's, for whichever pipeline is running.

    A provider keeps its processors for ever, so each gets one relay and no more.

    Attributes:
        provider: The provider it was added to.
        reader: The running pipeline's reader; None while there is none.
    """

    def __init__(self, provider: object) -> None:
        self.provider = provider
        self.reader: SpanReader | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """Hands a started span on."""
        if self.reader is not None:
            self.reader.on_start(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Hands an ended span on."""
        if self.reader is not None:
            self.reader.on_end(span)
