# SPDX-License-Identifier: Apache-2.0
"""Points: metric data as a flat list that tests can look through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import Gauge, Sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import Metric, MetricsData

__all__ = ["Point", "points_of", "since"]


@dataclass(frozen=True, slots=True)
class Point:
    """One series of one metric at the moment of collection.

    Attributes:
        name: Name of the metric.
        attributes: Attributes of the series.
        value: The value; of a histogram, the sum of what was recorded.
        count: How many values a histogram recorded; 1 for other kinds.
        kind: `sum`, `gauge` or `histogram`.
        unit: Unit of the metric.
        description: Description of the metric.
    """

    name: str
    attributes: Mapping[str, object]
    value: float
    count: int
    kind: str
    unit: str
    description: str

    def has(self, attributes: Mapping[str, object]) -> bool:
        """Tell whether the series has all of these attributes; it may have more."""
        return all(
            name in self.attributes and self.attributes[name] == attributes[name] for name in attributes
        )

    def __str__(self) -> str:
        labels = ", ".join(f"{name}={value!r}" for name, value in sorted(self.attributes.items()))
        counted = f" in {self.count} values" if self.kind == "histogram" else ""
        return f"{self.name}{{{labels}}} = {self.value}{counted}"


def points_of(data: MetricsData | None) -> list[Point]:
    """Return all points of a collection, in its order."""
    return [
        point
        for resource in (data.resource_metrics if data is not None else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in _points(metric)
    ]


def since(points: list[Point], baseline: list[Point]) -> list[Point]:
    """Return what was recorded after the baseline: sums and histograms less it, gauges as they are."""
    before = {_key(point): point for point in baseline if point.kind != "gauge"}
    result = []
    for point in points:
        old = before.get(_key(point))
        if old is None:
            result.append(point)
        elif (point.value, point.count) != (old.value, old.count):
            count = point.count - old.count if point.kind == "histogram" else 1
            result.append(replace(point, value=point.value - old.value, count=count))
    return result


def _points(metric: Metric) -> list[Point]:
    data = metric.data
    kind = "sum" if isinstance(data, Sum) else "gauge" if isinstance(data, Gauge) else "histogram"
    return [
        Point(
            metric.name,
            dict(point.attributes or {}),
            point.sum if kind == "histogram" else point.value,  # type: ignore[union-attr]  # `kind` tells which
            point.count if kind == "histogram" else 1,  # type: ignore[union-attr]  # `kind` tells which
            kind,
            metric.unit or "",
            metric.description or "",
        )
        for point in data.data_points
    ]


def _key(point: Point) -> tuple[str, str]:
    return point.name, repr(sorted(point.attributes.items()))
