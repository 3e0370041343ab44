# SPDX-License-Identifier: Apache-2.0
"""Spans and log records that OTLP cannot carry, as copies that it can."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status, TraceFlags

from telemetry.exporters.soundness import (
    are_sound,
    repaired_attributes,
    repaired_id,
    repaired_resource,
    repaired_scope,
    repaired_text,
    repaired_time,
)
from telemetry.logs.values import plain

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["RepairedLogs", "RepairedSpans"]


class _Origins:
    """Resources and scopes of a batch, each looked at once."""

    def __init__(self) -> None:
        self._sound: set[int] = set()

    def is_sound(self, resource: Resource, scope: InstrumentationScope | None) -> bool:
        """Whether both can be encoded as they are; the batch keeps them alive, so ids are theirs."""
        known = self._sound
        if id(resource) in known and id(scope) in known:
            return True
        if repaired_resource(resource) is not resource or repaired_scope(scope) is not scope:
            return False
        known.update((id(resource), id(scope)))
        return True


class RepairedSpans:
    """Copies of the spans of one batch."""

    def __init__(self) -> None:
        self._origins = _Origins()

    def sound(self, span: ReadableSpan) -> ReadableSpan:
        """Returns the span itself if the encoder would leave none of its attributes out, else a copy."""
        if (
            are_sound(span.attributes)
            and self._origins.is_sound(span.resource, span.instrumentation_scope)
            and all(are_sound(event.attributes) for event in span.events)
            and all(are_sound(link.attributes) for link in span.links)
        ):
            return span
        return self.repair(span)

    def repair(self, span: ReadableSpan) -> ReadableSpan:
        """Returns a copy whose texts, times and values OTLP can carry."""
        status = span.status
        return ReadableSpan(
            name=repaired_text(span.name),
            context=span.get_span_context(),
            parent=span.parent,
            resource=repaired_resource(span.resource),
            attributes=repaired_attributes(span.attributes, span.dropped_attributes),
            events=[_event(event) for event in span.events],
            links=[
                Link(link.context, repaired_attributes(link.attributes, link.dropped_attributes))
                for link in span.links
            ],
            kind=span.kind,
            status=Status(status.status_code, repaired_text(status.description) or None),
            start_time=repaired_time(span.start_time),
            end_time=repaired_time(span.end_time),
            instrumentation_scope=repaired_scope(span.instrumentation_scope),
        )


def _event(event: Event) -> Event:
    attributes = repaired_attributes(event.attributes, event.dropped_attributes)
    return Event(repaired_text(event.name), attributes, repaired_time(event.timestamp))


class RepairedLogs:
    """Copies of the log records of one batch."""

    def __init__(self) -> None:
        self._origins = _Origins()

    def sound(self, record: ReadableLogRecord) -> ReadableLogRecord:
        """Returns the record itself if the encoder would leave none of its attributes out, else a copy."""
        if are_sound(record.log_record.attributes) and self._origins.is_sound(
            record.resource, record.instrumentation_scope
        ):
            return record
        return self.repair(record)

    def repair(self, record: ReadableLogRecord) -> ReadableLogRecord:
        """Returns a copy whose texts, times and values OTLP can carry."""
        log = copy(record.log_record)
        if not are_sound({"body": log.body}):
            log.body = plain(log.body)
        log.attributes = repaired_attributes(log.attributes, record.dropped_attributes)
        log.timestamp = repaired_time(log.timestamp)
        log.observed_timestamp = repaired_time(log.observed_timestamp)
        log.trace_id, log.span_id = repaired_id(log.trace_id, 128), repaired_id(log.span_id, 64)
        log.trace_flags = log.trace_flags or TraceFlags.get_default()
        log.severity_text = repaired_text(log.severity_text)
        log.event_name = repaired_text(log.event_name)
        return replace(
            record,
            log_record=log,
            resource=repaired_resource(record.resource),
            instrumentation_scope=repaired_scope(record.instrumentation_scope),
        )
