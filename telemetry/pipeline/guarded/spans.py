# SPDX-License-Identifier: Apache-2.0
"""The SDK's span, safe for whatever it is given, from wherever it is called, whatever the clock does."""

from __future__ import annotations

from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Span
from opentelemetry.trace import Status, StatusCode

from telemetry import conventions as names
from telemetry.logs.exceptions import exception_text, message_of, type_name
from telemetry.logs.values import plain_attributes
from telemetry.pipeline.guarded.span_attributes import SpanAttributes
from telemetry.text import clip, cut_stack, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from opentelemetry.trace import SpanContext
    from opentelemetry.util.types import Attributes, AttributeValue

    from telemetry.pipeline.trouble import Trouble

__all__ = ["GuardedSpan"]

_DEFAULT_LIMIT = 4096


class GuardedSpan(Span):
    """A span whose methods never raise, nor deadlock, and whose times come from one anchor.

    Made by `GuardedTracer`, which sets the attributes below before anybody sees the span.

    Attributes:
        monotonic: Nanoseconds that never go back.
        offset_ns: Unix time less `monotonic` when its local root started.
        trouble: Takes what could not be recorded.
    """

    monotonic: Callable[[], int]
    offset_ns: int
    trouble: Trouble

    def fit_out(self, attributes: Attributes) -> None:
        """Gives a new span its attributes, and lets it be recorded on in the middle of being recorded on.

        The SDK's span, its attributes, events and links each have a lock that is not reentrant, and run
        foreign code under it (a value's `__str__`, a log handler). A destructor, a signal handler or
        such code that records on the same span would wait for itself. They change nothing that
        cannot be changed in between, so one reentrant lock takes the place of all four.
        """
        # There is no public way to choose the locks; tests/faults/test_r11_reentrancy.py sees a renaming.
        lock: Any = RLock()
        events: Any = self._events
        links: Any = self._links
        self._lock = events._lock = links._lock = lock  # noqa: SLF001 - see above
        limits = self._limits
        own = SpanAttributes(limits.max_span_attributes, limits.max_span_attribute_length, lock)
        self._attributes = own
        if attributes:
            own._set_items(attributes)  # noqa: SLF001 - as the SDK's span does

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Sets an attribute; a value that cannot be read is replaced by what can be said of it."""
        try:
            Span.set_attribute(self, key, value)
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            self._again(
                "set_attribute", problem, lambda: Span.set_attributes(self, plain_attributes({key: value}))
            )

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Sets attributes; values that cannot be read are replaced by what can be said of them."""
        try:
            Span.set_attributes(self, attributes)
        except Exception as problem:  # noqa: BLE001 - likewise
            self._again(
                "set_attributes", problem, lambda: Span.set_attributes(self, plain_attributes(attributes))
            )

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Adds an event, by default at this moment."""
        moment = self.monotonic() + self.offset_ns if timestamp is None else timestamp
        try:
            Span.add_event(self, name if type(name) is str else printable(name), attributes, moment)
        except Exception as problem:  # noqa: BLE001 - likewise
            self._again(
                "add_event",
                problem,
                lambda: Span.add_event(self, printable(name), plain_attributes(attributes), moment),
            )

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Adds a link to another span."""
        try:
            Span.add_link(self, context, attributes)
        except Exception as problem:  # noqa: BLE001 - likewise
            self._again(
                "add_link", problem, lambda: Span.add_link(self, context, plain_attributes(attributes))
            )

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Adds an exception as an event; a traceback that is too long loses its middle."""
        try:
            facts: dict[str, Any] = {
                names.EXCEPTION_TYPE: type_name(exception),
                names.EXCEPTION_MESSAGE: message_of(exception),
                names.EXCEPTION_STACKTRACE: cut_stack(f"{exception_text(exception)}\n", self._limit),
                "exception.escaped": printable(escaped),
            }
            facts.update(plain_attributes(attributes))
        except Exception as problem:  # noqa: BLE001 - likewise
            self.trouble.report("Span.record_exception", problem, "traces")
        else:
            self.add_event(names.EXCEPTION_EVENT, facts, timestamp)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Sets the status, unless it is OK already."""
        try:
            Span.set_status(self, status, description)
        except Exception as problem:  # noqa: BLE001 - likewise
            self.trouble.report("Span.set_status", problem, "traces")

    def update_name(self, name: str) -> None:
        """Gives the span another name."""
        Span.update_name(self, name if type(name) is str else printable(name))

    def end(self, end_time: int | None = None) -> None:
        """Ends the span, by default at this moment, and never before it started."""
        if type(end_time) is not int:
            end_time = self.monotonic() + self.offset_ns
        start = self._start_time or 0
        try:
            Span.end(self, end_time if end_time > start else start)
        except Exception as problem:  # noqa: BLE001 - a processor of the application's
            self.trouble.report("Span.end", problem, "traces")

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Ends the span, with the exception that left the block."""
        if error is not None:
            self.note(error, self._record_exception, self._set_status_on_exception, escaped=True)
        self.end()

    def note(self, error: BaseException, is_recorded: bool, is_failure: bool, *, escaped: bool) -> None:
        """Writes an exception that left the span's block, as the SDK's own context managers do."""
        if not self.is_recording():
            return
        if is_recorded:
            self.record_exception(error, escaped=escaped)
        if is_failure:
            text = f"{type_name(error)}: {message_of(error)}"
            self.set_status(Status(StatusCode.ERROR, clip(text, self._limit)))

    @property
    def _limit(self) -> int:
        # The SDK cuts one character later than we do: the outgoing stage sees by it that something was cut.
        limit = self._limits.max_attribute_length
        return _DEFAULT_LIMIT if limit is None else int(limit) - 1

    def _again(self, call: str, problem: Exception, record: Callable[[], None]) -> None:
        """Reports what could not be read, and records what can be said of it."""
        self.trouble.report(f"Span.{call}", problem, "traces")
        with suppress(Exception):  # then nothing can be said of it
            record()
