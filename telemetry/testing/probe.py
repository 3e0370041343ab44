# SPDX-License-Identifier: Apache-2.0
"""The probe: asserts on errors, spans and content, whose messages list what there was instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry import conventions
from telemetry.testing.leaks import leaks, log_texts, point_texts, span_texts
from telemetry.testing.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import StatusCode

    from telemetry.testing.leaks import PlacedText

__all__ = ["TelemetryProbe"]


class TelemetryProbe(Readings):
    """Reads a pipeline in memory and asserts on what was recorded. For one thread at a time."""

    def span(self, name: str) -> ReadableSpan:
        """Return the one finished span of that name.

        Raises:
            AssertionError: There is none, or there are several; the message lists the spans.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        spans = self.spans
        found = [span for span in spans if span.name == name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} spans are named {name!r}, not 1; {_list_spans(spans)}")
        return found[0]

    def assert_error(
        self,
        code: str | None = None,
        component: str | None = None,
        recoverable: bool | None = None,
        count: int = 1,
    ) -> None:
        """Assert that `kairos.errors.total` counted so many errors of this kind.

        Args:
            code: Error code, as `ErrorCode` or its value; default: any.
            component: Whose error it is; default: any.
            recoverable: Whether another attempt may succeed; default: any.
            count: How many errors there must be.

        Raises:
            AssertionError: There were more or fewer; the message lists what was counted.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        self._assert_count(conventions.ERRORS_TOTAL, "errors", code, component, recoverable, count)

    def assert_recovered(
        self,
        code: str | None = None,
        component: str | None = None,
        recoverable: bool | None = None,
        count: int = 1,
    ) -> None:
        """Assert that `kairos.errors.recovered` counted so many errors of this kind; see `assert_error`."""
        __tracebackhide__ = True  # pytest then shows the line of the test
        self._assert_count(conventions.ERRORS_RECOVERED, "recoveries", code, component, recoverable, count)

    def assert_no_errors(self) -> None:
        """Assert that no error was counted and that no span ended in error.

        Raises:
            AssertionError: There was one; the message lists them.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        counted = [
            point for point in self.metrics() if point.name == conventions.ERRORS_TOTAL and point.value
        ]
        failed = [span for span in self.spans if span.status.status_code.name == "ERROR"]
        if counted or failed:
            lines = [*map(str, counted), *map(_describe, failed)]
            raise AssertionError("there were errors:" + "".join(f"\n  {line}" for line in lines))

    def assert_span(
        self,
        name: str,
        *,
        attributes: Mapping[str, object] | None = None,
        status: StatusCode | str | None = None,
        events: Sequence[str] | None = None,
    ) -> ReadableSpan:
        """Assert that a span of that name ended, and return it; of several, the first that fits.

        Args:
            name: Name of the span.
            attributes: Attributes that it has, perhaps among others.
            status: Its status: `unset`, `ok`, `error`, or a `StatusCode`.
            events: Names of all its events, in order.

        Raises:
            AssertionError: No span fits; the message says of each of that name what does not.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        spans = self.spans
        named = [span for span in spans if span.name == name]
        if not named:
            raise AssertionError(f"no span is named {name!r}; {_list_spans(spans)}")
        reports = []
        for span in named:
            differences = list(_differences(span, attributes or {}, status, events))
            if not differences:
                return span
            reports.append(f"\n  {_describe(span)}" + "".join(f"\n    {line}" for line in differences))
        raise AssertionError(f"no span named {name!r} fits:" + "".join(reports))

    def assert_no_content_leaked(self, *secrets: str) -> None:
        """Assert that none of these texts stands anywhere in what was exported.

        Searched are names, attributes, events, links and status of spans, bodies and attributes of
        log records, names and labels of metrics, scopes and the resource; for the text as it is
        and as it stands inside JSON or a repr.

        Args:
            *secrets: Texts that must not leave the process.

        Raises:
            AssertionError: One does; the message names every place.
            ValueError: No text was given, or an empty one, which is in everything.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        if not secrets or not all(secrets):
            raise ValueError(f"assert_no_content_leaked needs texts that are not empty, not {secrets!r}.")
        found = leaks(secrets, dict.fromkeys(self._texts()))
        if found:
            raise AssertionError("content was exported:" + "".join(f"\n  {line}" for line in found))

    def _texts(self) -> Iterator[PlacedText]:
        for span in self.spans:
            yield from span_texts(span)
        for item in self.logs:
            yield from log_texts(item)
        for point in self.metrics():
            yield from point_texts(point)

    def _assert_count(
        self,
        metric: str,
        what: str,
        code: str | None,
        component: str | None,
        recoverable: bool | None,
        count: int,
    ) -> None:
        __tracebackhide__ = True  # pytest then shows the line of the test
        wanted = {
            name: value
            for name, value in (
                (conventions.ERROR_CODE, None if code is None else str(code)),
                (conventions.COMPONENT, component),
                (conventions.RECOVERABLE, None if recoverable is None else str(recoverable).lower()),
            )
            if value is not None
        }
        series = [point for point in self.metrics() if point.name == metric and point.value]
        counted = sum(point.value for point in series if point.has(wanted))
        if counted != count:
            there = "".join(f"\n  {point}" for point in series) or " none"
            raise AssertionError(f"{counted} {what} have {wanted!r}, not {count}; counted were:{there}")


def _differences(
    span: ReadableSpan,
    attributes: Mapping[str, object],
    status: StatusCode | str | None,
    events: Sequence[str] | None,
) -> Iterator[str]:
    own = span.attributes or {}
    for name, value in attributes.items():
        if name not in own:
            yield f"has no attribute {name!r}"
        elif own[name] != (tuple(value) if isinstance(value, list) else value):
            yield f"attribute {name!r} is {own[name]!r}, not {value!r}"
    wanted = getattr(status, "name", status)
    if wanted is not None and span.status.status_code.name != str(wanted).upper():
        yield f"status is {span.status.status_code.name}, not {str(wanted).upper()}"
    names = [event.name for event in span.events]
    if events is not None and names != list(events):
        yield f"events are {names!r}, not {list(events)!r}"


def _list_spans(spans: Iterable[ReadableSpan]) -> str:
    lines = "".join(f"\n  {_describe(span)}" for span in spans)
    return f"there are:{lines}" if lines else "no span has ended"


def _describe(span: ReadableSpan) -> str:
    status = span.status
    text = f" ({status.description})" if status.description else ""
    return f"span {span.name!r} {status.status_code.name}{text} {dict(span.attributes or {})!r}"
