# SPDX-License-Identifier: Apache-2.0
"""What arrived at a receiver, in one shape whatever the receiver is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Point:
    metric: str
    kind: str  # Sum, Gauge, Histogram
    attributes: dict[str, str]
    value: float  # of a histogram its sum
    count: int = 1  # of a histogram its number of measurements
    is_delta: bool = False
    resource: dict[str, str] = field(default_factory=dict)
    scope: str = ""
    unit: str = ""
    time: int = 0


@dataclass(frozen=True)
class Span:
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    status: str  # UNSET, OK, ERROR
    attributes: dict[str, str]
    resource: dict[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Log:
    body: str
    severity: str
    trace_id: str
    span_id: str
    attributes: dict[str, str]
    resource: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    points: tuple[Point, ...] = ()
    spans: tuple[Span, ...] = ()
    logs: tuple[Log, ...] = ()

    @property
    def span_names(self) -> list[str]:
        return [span.name for span in self.spans]

    @property
    def bodies(self) -> list[str]:
        return [log.body for log in self.logs]

    @property
    def metric_names(self) -> set[str]:
        return {point.metric for point in self.points}

    def series(self, metric: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Each series' figure at the end: the last point, or the sum of all when they are deltas."""
        out: dict[tuple[tuple[str, str], ...], float] = {}
        newest: dict[tuple[object, ...], Point] = {}
        for point in self.points:
            if point.metric != metric:
                continue
            labels = tuple(sorted(point.attributes.items()))
            if point.is_delta:
                out[labels] = out.get(labels, 0) + point.value
                continue
            key = (labels, tuple(sorted(point.resource.items())))
            if key not in newest or point.time >= newest[key].time:
                newest[key] = point
        for point in newest.values():
            labels = tuple(sorted(point.attributes.items()))
            out[labels] = out.get(labels, 0) + point.value
        return out

    def total(self, metric: str, **attributes: str) -> float:
        """The sum over the series that have these attributes (a dot is written as two underscores)."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        return sum(
            value for labels, value in self.series(metric).items() if wanted.items() <= dict(labels).items()
        )
