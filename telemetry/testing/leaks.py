# SPDX-License-Identifier: Apache-2.0
"""Leaks: every text that leaves the process, with its place, searched for content that must not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from telemetry.exporters.sdk_logs import ReadableLogRecord
    from telemetry.testing.points import Point

__all__ = ["leaks", "log_texts", "point_texts", "resource_texts", "span_texts"]

PlacedText = tuple[str, str]
"""Where a text stands, for people, and the text."""


def leaks(secrets: Sequence[str], texts: Iterable[PlacedText]) -> list[str]:
    """Return one line for every place that holds one of the secrets, also escaped as in JSON or a repr."""
    forms = {secret: _forms(secret) for secret in secrets}
    return [
        f"{secret!r} in {place}: {_excerpt(text)}"
        for place, text in texts
        for secret in secrets
        if any(form in text for form in forms[secret])
    ]


def span_texts(span: ReadableSpan) -> Iterator[PlacedText]:
    """Give every text of a span, its events, links, scope and resource."""
    place = f"span {span.name!r}"
    yield f"{place}, name", span.name
    yield from _walk(f"{place}, attribute", span.attributes)
    if span.status.description:
        yield f"{place}, status", span.status.description
    for event in span.events:
        yield f"{place}, event", event.name
        yield from _walk(f"{place}, event {event.name!r}, attribute", event.attributes)
    for link in span.links:
        yield from _walk(f"{place}, link, attribute", link.attributes)
        yield from _walk(f"{place}, link, trace state", link.context.trace_state)
    context = span.get_span_context()
    yield from _walk(f"{place}, trace state", context and context.trace_state)
    yield from _scope_texts(place, span.instrumentation_scope)
    yield from resource_texts(span.resource)


def log_texts(item: ReadableLogRecord) -> Iterator[PlacedText]:
    """Give every text of a log record, its scope and resource."""
    record = item.log_record
    place = f"log record {_excerpt(str(record.event_name or record.body))}"
    yield from _walk(f"{place}, body", record.body)
    yield from _walk(f"{place}, attribute", record.attributes)
    yield from _walk(f"{place}, event name", record.event_name)
    yield from _walk(f"{place}, severity", record.severity_text)
    yield from _scope_texts(place, item.instrumentation_scope)
    yield from resource_texts(item.resource)


def point_texts(point: Point) -> Iterator[PlacedText]:
    """Give every text of a metric's point."""
    place = f"metric {point.name!r}"
    yield f"{place}, name", point.name
    yield f"{place}, description", point.description
    yield from _walk(f"{place}, attribute", point.attributes)


def resource_texts(resource: Resource) -> Iterator[PlacedText]:
    """Give every text of a resource."""
    return _walk("resource, attribute", resource.attributes)


def _scope_texts(place: str, scope: InstrumentationScope | None) -> Iterator[PlacedText]:
    yield from _walk(f"{place}, scope", scope and [scope.name, scope.version, scope.schema_url])
    yield from _walk(f"{place}, scope attribute", scope and scope.attributes)


def _walk(place: str, value: object) -> Iterator[PlacedText]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{place} name", str(key)
            yield from _walk(f"{place} {key!r}", item)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for item in value:
            yield from _walk(place, item)
    elif isinstance(value, bytes):
        yield place, value.decode("utf-8", "replace")
    elif value is not None:
        yield place, str(value)


def _forms(secret: str) -> set[str]:
    """The secret itself, and as it stands inside JSON text (with and without ASCII escapes) or a repr."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
