# SPDX-License-Identifier: Apache-2.0
"""What reads spans beside the exporters, and how it gets them from a provider that is not ours."""

from __future__ import annotations

import logging
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from opentelemetry.sdk.trace import SpanProcessor

from telemetry import conventions as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from telemetry.pipeline.recorder import Recorder

    ReaderFactory = Callable[[Recorder], "SpanReader"]

__all__ = ["OWN_NAMES", "LateReader", "SpanReader", "SpanRelay"]

_logger = logging.getLogger("telemetry")

OWN_NAMES = tuple(
    f"{operation} "
    for operation in (names.OPERATION_CHAT, names.OPERATION_EXECUTE_TOOL, names.OPERATION_INVOKE_AGENT)
)
"""What the names of our own GenAI operations begin with."""


class SpanReader(Protocol):
    """Sees every span of a pipeline; must be quick and never raise."""

    def on_start(self, span: Span) -> None:
        """Sees a span that has started."""

    def on_end(self, span: ReadableSpan) -> None:
        """Sees a span that has ended."""


class LateReader:
    """A reader that is made when there is a span for it.

    Plain spans of our own tell a reader nothing that it could use before it has seen others, so a
    process that has no others neither loads it nor pays for it at every span.

    Args:
        make: Makes the reader.
    """

    def __init__(self, make: Callable[[], SpanReader]) -> None:
        self._make: Callable[[], SpanReader] | None = make
        self._reader: SpanReader | None = None
        self._lock = RLock()

    def on_start(self, span: Span) -> None:
        """Sees a span that has started."""
        reader = self._reader
        if reader is None:
            scope = span.instrumentation_scope
            if scope is not None and scope.name == names.SCOPE_NAME and not span.name.startswith(OWN_NAMES):
                return
            reader = self._made()
        if reader is not None:
            reader.on_start(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Sees a span that has ended."""
        if self._reader is not None:
            self._reader.on_end(span)

    def _made(self) -> SpanReader | None:
        with self._lock:
            make, self._make = self._make, None
            if make is not None:
                try:
                    self._reader = make()
                except Exception:  # telemetry never raises into the agent
                    _logger.exception("spans of other libraries are not read: the reader could not be made")
            return self._reader


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
