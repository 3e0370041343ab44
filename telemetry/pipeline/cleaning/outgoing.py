# SPDX-License-Identifier: Apache-2.0
"""The one stage that every record passes before any exporter sees it: secrets, content and length."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from telemetry.conventions import CONTENT_EVENT_FRAME, CONTENT_EVENTS
from telemetry.metrics.courtesy import COURTESY
from telemetry.pipeline.cleaning.attributes import AttributeCleaner, Tally
from telemetry.pipeline.cleaning.outgoing_metrics import clean_metrics
from telemetry.pipeline.cleaning.sources import SourceCleaner
from telemetry.redaction import MASK, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData

    from telemetry.config import Settings
    from telemetry.config.exporters import Signal
    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["Outgoing"]

RecordT = TypeVar("RecordT")
_NAMES = 2048


class Outgoing:
    """Cleans what is about to leave the process. Thread-safe; no method raises.

    Secrets are masked in names, descriptions, attributes, events, links, bodies, resources and scopes.
    Content is left out where `capture_content` does not allow it: on spans with `span` or `both`, in events
    (those of spans, and log records) with `event` or `both`. Text of attributes is cut to
    `attribute_value_limit` bytes; of a stack trace the end stays. A record that cannot be cleaned is masked
    as a whole: there are as many records after as before. Records that need no change go on as they are,
    the others as copies.

    Args:
        config: `capture_content` and `attribute_value_limit` are read.
        on_truncated: Told (signal, how many) of the values that were cut in a batch.
    """

    def __init__(self, config: Settings, on_truncated: Callable[[Signal, int], None]) -> None:
        limit, content = config.attribute_value_limit, config.capture_content
        self._on_truncated = on_truncated
        self._on_spans = AttributeCleaner(limit, takes_content=content in ("span", "both"))
        self._takes_events = content in ("event", "both")
        self._in_events = AttributeCleaner(limit, takes_content=self._takes_events)
        self._bodies = AttributeCleaner(None, takes_content=self._takes_events)
        # An attribute that went missing could make two series one.
        self._labels = AttributeCleaner(limit, takes_content=False, drops_content=False)
        self._sources = SourceCleaner()
        self._clean_names: set[str] = set()

    def clean_spans(
        self, batch: list[ReadableSpan], pause: Callable[[], None] = COURTESY.look
    ) -> list[ReadableSpan]:
        """Cleans finished spans.

        Args:
            batch: The spans; not modified.
            pause: Called between two of them, so that the application is not kept waiting.

        Returns:
            As many spans; the same list when nothing had to change.
        """
        return self._clean("traces", batch, self._span, _masked_span, pause)

    def clean_logs(
        self, batch: list[ReadableLogRecord], pause: Callable[[], None] = COURTESY.look
    ) -> list[ReadableLogRecord]:
        """Cleans log records.

        Args:
            batch: The records; not modified.
            pause: Called between two of them, so that the application is not kept waiting.

        Returns:
            As many records; the same list when nothing had to change.
        """
        return self._clean("logs", batch, self._log, _masked_log, pause)

    def clean_metrics(self, data: MetricsData) -> MetricsData:
        """Cleans the attributes of points and exemplars, resources, scopes and descriptions.

        Args:
            data: One collection; not modified.

        Returns:
            The same object when nothing had to change.
        """
        tally = Tally()
        cleaned = clean_metrics(data, lambda labels: self._labels.clean(labels, tally), self._sources.clean)
        if tally.truncated:
            self._on_truncated("metrics", tally.truncated)
        return cleaned

    def _clean(
        self,
        signal: Signal,
        batch: list[RecordT],
        clean: Callable[[RecordT, Tally], RecordT],
        masked: Callable[[RecordT], RecordT],
        pause: Callable[[], None],
    ) -> list[RecordT]:
        tally = Tally()
        out = []
        is_changed = False
        for record in batch:
            try:
                cleaned = clean(record, tally)
            except Exception:  # noqa: BLE001 - values may raise anything when read; nobody knows what is in them
                cleaned = masked(record)
            is_changed = is_changed or cleaned is not record
            out.append(cleaned)
            pause()
        if tally.truncated:
            self._on_truncated(signal, tally.truncated)
        return out if is_changed else batch

    def _span(self, span: ReadableSpan, tally: Tally) -> ReadableSpan:
        given: dict[str, Any] = span.attributes.copy()  # type: ignore[union-attr]  # the SDK's attributes have it
        attributes = self._on_spans.clean(given, tally)
        if (
            attributes is given
            and span.name in self._clean_names
            and span.status.description is None
            # The public properties copy both lists, under a lock: that would be a third of the whole cost.
            and not span._events  # noqa: SLF001 - see above
            and not span._links  # noqa: SLF001 - see above
            and self._sources.are_clean(span.resource, span.instrumentation_scope)
        ):
            return span
        return self._cleaned_span(span, given, attributes, tally)

    def _cleaned_span(
        self, span: ReadableSpan, given: dict[str, Any], attributes: dict[str, Any], tally: Tally
    ) -> ReadableSpan:
        name, status, events, links = self._name(span.name), span.status, span.events, span.links
        description = status.description and redact(status.description)
        clean_events, clean_links = self._all(events, self._event, tally), self._all(links, self._link, tally)
        resource = self._sources.clean(span.resource)
        scope = self._sources.clean(span.instrumentation_scope)
        if (
            attributes is given
            and name is span.name
            and description is status.description
            and clean_events is events
            and clean_links is links
            and resource is span.resource
            and scope is span.instrumentation_scope
        ):
            return span
        return ReadableSpan(
            name=name,
            context=span.context,
            parent=span.parent,
            resource=resource,
            attributes=_bounded(attributes, span.dropped_attributes),
            events=_list(clean_events, span.dropped_events),
            links=_list(clean_links, span.dropped_links),
            kind=span.kind,
            status=Status(status.status_code, description),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=scope,
        )

    def _all(
        self, items: Sequence[RecordT], clean: Callable[[RecordT, Tally], RecordT], tally: Tally
    ) -> Sequence[RecordT]:
        cleaned = [clean(item, tally) for item in items]
        return items if all(new is old for new, old in zip(cleaned, items, strict=True)) else cleaned

    def _event(self, event: Event, tally: Tally) -> Event:
        given = _plain(event.attributes)
        attributes = self._in_events.clean(given, tally)
        if event.name in CONTENT_EVENTS and not self._takes_events:
            attributes = _frame(attributes)
        name = self._name(event.name)
        if attributes is given and name is event.name:
            return event
        return Event(name, _bounded(attributes, event.dropped_attributes), event.timestamp)

    def _link(self, link: Link, tally: Tally) -> Link:
        given = _plain(link.attributes)
        attributes = self._on_spans.clean(given, tally)
        return (
            link if attributes is given else Link(link.context, _bounded(attributes, link.dropped_attributes))
        )

    def _log(self, record: ReadableLogRecord, tally: Tally) -> ReadableLogRecord:
        log = record.log_record
        given = _plain(log.attributes)
        attributes = self._in_events.clean(given, tally)
        body: Any = self._bodies.value(log.body, tally)
        event_name = log.event_name and self._name(log.event_name)
        if not self._takes_events and (event_name or given.get("event.name")) in CONTENT_EVENTS:
            attributes, body = _frame(attributes), _frame(body) if isinstance(body, dict) else None
        is_same = attributes is given and body is log.body and event_name is log.event_name
        if is_same and self._sources.are_clean(record.resource, record.instrumentation_scope):
            return record
        if not is_same:
            log = copy.copy(log)
            log.attributes = _bounded(attributes, record.dropped_attributes)
            log.body, log.event_name = body, event_name
        return replace(
            record,
            log_record=log,
            resource=self._sources.clean(record.resource),
            instrumentation_scope=self._sources.clean(record.instrumentation_scope),
        )

    def _name(self, name: str) -> str:
        cleaned = redact(name)
        if cleaned is name:
            if len(self._clean_names) >= _NAMES:
                self._clean_names = set()
            self._clean_names.add(name)
        return cleaned


def _plain(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    # The SDK's attributes copy themselves much faster than they are iterated over, and under no lock.
    copied: Any = attributes.copy() if isinstance(attributes, BoundedAttributes) else dict(attributes or {})
    return copied  # type: ignore[no-any-return]  # the SDK says it is any mapping; it is a dict


def _frame(attributes: dict[str, Any]) -> dict[str, Any]:
    """What stays of an event that is content: names of ours and the conventions', and who spoke."""
    return {key: value for key, value in attributes.items() if key in CONTENT_EVENT_FRAME or "." in key}


def _bounded(attributes: Mapping[str, Any], dropped: int) -> BoundedAttributes:
    # They carry how many the SDK had dropped before, which the receiver is told.
    bounded = BoundedAttributes(attributes=attributes, immutable=False)
    bounded.dropped = dropped
    return bounded


def _list(items: Sequence[Any], dropped: int) -> BoundedList[Any]:
    bounded = BoundedList.from_seq(None, items)
    bounded.dropped = dropped
    return bounded


def _read(record: object, name: str, default: Any = None) -> Any:
    try:
        return getattr(record, name)
    except Exception:  # noqa: BLE001 - the record raises when it is read, which is why it is masked
        return default


def _masked_span(span: ReadableSpan) -> ReadableSpan:
    status = _read(_read(span, "status"), "status_code", StatusCode.UNSET)
    return ReadableSpan(
        name=MASK,
        context=_read(span, "context"),
        parent=_read(span, "parent"),
        resource=Resource({}),
        kind=_read(span, "kind", SpanKind.INTERNAL),
        status=Status(status),
        start_time=_read(span, "start_time"),
        end_time=_read(span, "end_time"),
    )


def _masked_log(record: ReadableLogRecord) -> ReadableLogRecord:
    log = copy.copy(record.log_record)
    log.attributes, log.body, log.event_name = None, MASK, None
    return replace(record, log_record=log, resource=Resource({}), instrumentation_scope=None)
