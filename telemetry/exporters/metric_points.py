# SPDX-License-Identifier: Apache-2.0
"""One collection of metrics as a row of points, and any part of that row as a collection."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from opentelemetry.sdk.metrics.export import (
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)

from telemetry.exporters.soundness import (
    are_sound,
    repaired_attributes,
    repaired_resource,
    repaired_scope,
    repaired_text,
    repaired_time,
)
from telemetry.metrics.cells import fitting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.metrics.export import DataPointT
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

__all__ = ["Point", "RepairedPoints", "metrics_data_of", "points_of"]


class Point(NamedTuple):
    """A data point and what it belongs to."""

    resource: ResourceMetrics
    scope: ScopeMetrics
    metric: Metric
    point: DataPointT


def points_of(data: MetricsData) -> Iterator[Point]:
    """Gives the points in their order."""
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    yield Point(resource, scope, metric, point)


def metrics_data_of(points: Sequence[Point]) -> MetricsData:
    """Puts points that follow each other into as few resources, scopes and metrics as they had."""
    return MetricsData(
        [
            ResourceMetrics(
                resource.resource,
                [
                    ScopeMetrics(
                        scope.scope,
                        [
                            _with_points(metric, [point.point for point in of_metric])
                            for metric, of_metric in _grouped(of_scope, 2)
                        ],
                        scope.schema_url,
                    )
                    for scope, of_scope in _grouped(of_resource, 1)
                ],
                resource.schema_url,
            )
            for resource, of_resource in _grouped(points, 0)
        ]
    )


def _grouped(points: Sequence[Point], field: int) -> Iterator[tuple[Any, list[Point]]]:
    for _, group in groupby(points, key=lambda point: id(point[field])):
        members = list(group)
        yield members[0][field], members


def _with_points(metric: Metric, points: Sequence[Any]) -> Metric:
    data: Any = metric.data  # a union whose members' points differ
    return replace(metric, data=replace(data, data_points=points))


class RepairedPoints:
    """Copies of the points of one collection."""

    def __init__(self) -> None:
        self._resources: dict[int, ResourceMetrics] = {}
        self._scopes: dict[int, ScopeMetrics] = {}

    def sound(self, point: Point) -> Point:
        """Returns the point itself if the encoder would leave none of its attributes out, else a copy."""
        resource, scope = self._origins(point)
        if resource is point.resource and scope is point.scope and _are_sound(point.point):
            return point
        return Point(resource, scope, point.metric, _with_attributes(point.point))

    def repair(self, point: Point) -> Point:
        """Returns a copy whose texts, times and values OTLP can carry."""
        metric = point.metric
        return Point(
            *self._origins(point),
            replace(
                metric,
                name=repaired_text(metric.name),
                description=repaired_text(metric.description),
                unit=repaired_text(metric.unit),
            ),
            _repaired(point.point),
        )

    def _origins(self, point: Point) -> tuple[ResourceMetrics, ScopeMetrics]:
        # The collection keeps them alive, so their ids are theirs.
        resource, scope = self._resources.get(id(point.resource)), self._scopes.get(id(point.scope))
        if resource is None:
            resource = self._resources[id(point.resource)] = _resource(point.resource)
        if scope is None:
            scope = self._scopes[id(point.scope)] = _scope(point.scope)
        return resource, scope


def _resource(given: ResourceMetrics) -> ResourceMetrics:
    repaired = repaired_resource(given.resource)
    return given if repaired is given.resource else replace(given, resource=repaired)


def _scope(given: ScopeMetrics) -> ScopeMetrics:
    repaired = repaired_scope(given.scope)
    if repaired is given.scope:
        return given
    return replace(given, scope=cast("InstrumentationScope", repaired))


def _are_sound(point: DataPointT) -> bool:
    if not are_sound(point.attributes):
        return False
    exemplars = point.exemplars
    return not exemplars or all(are_sound(exemplar.filtered_attributes) for exemplar in exemplars)


def _with_attributes(point: DataPointT) -> Any:
    return replace(
        point,
        attributes=repaired_attributes(point.attributes),
        exemplars=[
            replace(exemplar, filtered_attributes=repaired_attributes(exemplar.filtered_attributes))
            for exemplar in point.exemplars
        ],
    )


def _repaired(point: DataPointT) -> Any:
    start: int | None = point.start_time_unix_nano  # typed int, but None for gauges
    made = replace(
        _with_attributes(point),
        start_time_unix_nano=None if start is None else repaired_time(start),
        time_unix_nano=repaired_time(point.time_unix_nano),
        exemplars=[],  # worth less than the point, and possibly what is wrong with it
    )
    if isinstance(point, NumberDataPoint):
        made = replace(made, value=fitting(point.value))
    return made
