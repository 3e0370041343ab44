# SPDX-License-Identifier: Apache-2.0
"""What the exporter `file` wrote, in the shape of what a receiver got."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.received import Point, Received, Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STATUSES = ("UNSET", "OK", "ERROR")
_DELTA = 1


def read(path: Path) -> Received:
    """The metrics and spans of all lines."""
    documents = [json.loads(line) for line in path.read_text().splitlines()]
    return Received(
        tuple(point for document in documents for point in _points(document)),
        tuple(span for document in documents for span in _spans(document)),
    )


def _spans(document: dict[str, Any]) -> Iterator[Span]:
    for part in document.get("resourceSpans", ()):
        resource = _attributes(part["resource"])
        for scope in part["scopeSpans"]:
            for span in scope["spans"]:
                yield Span(
                    span["name"],
                    span["traceId"],
                    span["spanId"],
                    span.get("parentSpanId", ""),
                    _STATUSES[span.get("status", {}).get("code", 0)],
                    _attributes(span),
                    resource,
                    tuple(event["name"] for event in span.get("events", ())),
                )


def _points(document: dict[str, Any]) -> Iterator[Point]:
    for part in document.get("resourceMetrics", ()):
        resource = _attributes(part["resource"])
        for scope in part["scopeMetrics"]:
            for metric in scope["metrics"]:
                kind = next(key for key in ("sum", "gauge", "histogram") if key in metric)
                for point in metric[kind]["dataPoints"]:
                    yield Point(
                        metric=metric["name"],
                        kind=kind.capitalize(),
                        attributes=_attributes(point),
                        value=float(point.get("asInt", point.get("asDouble", point.get("sum", 0)))),
                        count=int(point.get("count", 1)),
                        is_delta=metric[kind].get("aggregationTemporality") == _DELTA,
                        resource=resource,
                        scope=scope["scope"]["name"],
                        unit=metric.get("unit", ""),
                        time=int(point["timeUnixNano"]),
                    )


def _attributes(owner: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: str(next(iter(each["value"].values()))) for each in owner.get("attributes", ())}
