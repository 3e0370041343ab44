# SPDX-License-Identifier: Apache-2.0
"""One collection of metrics, cleaned: a copy of what has to change, and the rest as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from telemetry.metrics.courtesy import COURTESY
from telemetry.redaction import MASK, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.metrics.export import Metric, MetricsData

__all__ = ["clean_metrics"]

PartT = TypeVar("PartT")


def clean_metrics(
    data: MetricsData,
    clean: Callable[[dict[str, Any]], dict[str, Any]],
    source: Callable[[Any], Any],
) -> MetricsData:
    """Cleans a collection; never raises.

    Args:
        data: What was collected; not modified.
        clean: Cleans the attributes of a point or exemplar; gives the same object when nothing has to change.
        source: The same for a resource or a scope; never raises.

    Returns:
        The same object when nothing had to change.
    """
    resources = []
    for resource in data.resource_metrics:
        scopes = []
        for scope in resource.scope_metrics:
            metrics = _same(scope.metrics, [_metric(metric, clean) for metric in scope.metrics])
            scopes.append(_changed(scope, scope=source(scope.scope), metrics=metrics))
        resources.append(
            _changed(
                resource,
                resource=source(resource.resource),
                scope_metrics=_same(resource.scope_metrics, scopes),
            )
        )
    return _changed(data, resource_metrics=_same(data.resource_metrics, resources))


def _metric(metric: Metric, clean: Callable[[dict[str, Any]], dict[str, Any]]) -> Metric:
    points: Sequence[Any] = metric.data.data_points
    cleaned = _same(points, [_point(point, clean) for point in COURTESY.over(points)])
    description = redact(metric.description or "")
    return _changed(
        metric,
        description=metric.description if description == (metric.description or "") else description,
        data=_changed(metric.data, data_points=cleaned),
    )


def _point(point: Any, clean: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    attributes = _attributes(point.attributes, clean)
    exemplars = point.exemplars
    if exemplars:
        exemplars = _same(
            exemplars,
            [
                _changed(exemplar, filtered_attributes=_attributes(exemplar.filtered_attributes, clean))
                for exemplar in exemplars
            ],
        )
    if attributes is point.attributes and exemplars is point.exemplars:
        return point
    return replace(point, attributes=attributes, exemplars=exemplars)


def _attributes(attributes: Any, clean: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if not attributes:
        return attributes
    given = dict(attributes)
    try:
        cleaned = clean(given)
    except Exception:  # noqa: BLE001 - values may raise anything when read; nobody knows what is in them
        return dict.fromkeys(map(str, given), MASK)
    return attributes if cleaned is given else cleaned


def _same(given: Sequence[Any], cleaned: list[Any]) -> Sequence[Any]:
    return given if all(new is old for new, old in zip(cleaned, given, strict=True)) else cleaned


def _changed(given: PartT, **fields: Any) -> PartT:
    if all(getattr(given, name) is value for name, value in fields.items()):
        return given
    return replace(given, **fields)  # type: ignore[type-var]  # all parts of a collection are dataclasses
