# SPDX-License-Identifier: Apache-2.0
"""One collection of the SDK's metrics as prometheus-client's metric families."""

from __future__ import annotations

import logging
from itertools import accumulate
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    Sum,
)
from prometheus_client.metrics_core import InfoMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Exemplar, Sample

from telemetry.exporters.prometheus_naming import label_name, labels, metric_name, unit_suffix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.metrics import Exemplar as SdkExemplar
    from opentelemetry.sdk.metrics.export import ExponentialHistogramDataPoint
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

__all__ = ["families"]

_log = logging.getLogger(__name__)
_INFINITY = float("inf")
_EXEMPLAR_CHARACTERS = 128  # OpenMetrics 1.0, "Exemplars": names and values together


def families(data: MetricsData) -> list[Family]:
    """Families of all metrics of all scopes, and `target_info` with the resource.

    Points carry their scope as `otel_scope_name` and `otel_scope_version`. Two metrics that become
    one name share a family when they are of one type; otherwise the later one is left out, because
    Prometheus would refuse the whole page.
    """
    out: dict[str, Family] = {}
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    for resource in data.resource_metrics:
        resource_labels = labels(resource.resource.attributes)
        out["target_info"] = InfoMetricFamily("target", "Target metadata", value=resource_labels)
        for scope in resource.scope_metrics:
            scope_labels = _scope_labels(scope.scope)
            for metric in scope.metrics:
                family = _family(metric, out)
                if family is not None:
                    _add(family, _samples(metric, family.name, scope_labels), seen)
    return list(out.values())


def _scope_labels(scope: InstrumentationScope) -> dict[str, str]:
    out = {f"otel_scope_{label_name(key)}": text for key, text in labels(scope.attributes).items()}
    out["otel_scope_name"] = scope.name
    if scope.version:
        out["otel_scope_version"] = scope.version
    return out


def _type(metric: Metric) -> str:
    match metric.data:
        case Sum(is_monotonic=True):
            return "counter"
        case Histogram() | ExponentialHistogram():
            return "histogram"
    return "gauge"


def _family(metric: Metric, known: dict[str, Family]) -> Family | None:
    kind = _type(metric)
    unit = metric.unit or ""
    name = metric_name(
        metric.name, unit, is_counter=kind == "counter", is_gauge=isinstance(metric.data, Gauge)
    )
    family = known.get(name)
    if family is None:
        base = name.removesuffix("_total") if kind == "counter" else name
        suffix = unit_suffix(unit)
        # OpenMetrics wants the unit at the end of the name, else no unit.
        shown = suffix if suffix and base.endswith(f"_{suffix}") else ""
        family = known[name] = Family(base, metric.description or "", kind, shown)
    elif family.type != kind:
        _log.warning(
            "prometheus: %s is left out: %s is taken by a %s, this one is a %s",
            metric.name,
            name,
            family.type,
            kind,
        )
        return None
    return family


def _add(
    family: Family, samples: Iterator[Sample], seen: set[tuple[str, tuple[tuple[str, str], ...]]]
) -> None:
    # Attribute sets may differ for OpenTelemetry and be one for Prometheus (1 and "1").
    for sample in samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        if key not in seen:
            seen.add(key)
            family.samples.append(sample)


def _samples(metric: Metric, name: str, scope_labels: dict[str, str]) -> Iterator[Sample]:
    match metric.data:
        case Sum(is_monotonic=True):
            for number in metric.data.data_points:
                exemplar = _exemplar(number.exemplars[-1]) if number.exemplars else None
                yield Sample(
                    f"{name}_total", labels(number.attributes) | scope_labels, number.value, None, exemplar
                )
        case Sum() | Gauge():
            for number in metric.data.data_points:
                yield Sample(name, labels(number.attributes) | scope_labels, number.value)
        case Histogram():
            for point in metric.data.data_points:
                yield from _histogram(
                    name, point, labels(point.attributes) | scope_labels, _buckets(point), point.exemplars
                )
        case _:  # an exponential histogram, the last kind that the SDK has
            for exponential in metric.data.data_points:
                yield from _histogram(
                    name,
                    exponential,
                    labels(exponential.attributes) | scope_labels,
                    _exponential_buckets(exponential),
                    exponential.exemplars,
                )


def _histogram(
    name: str,
    point: HistogramDataPoint | ExponentialHistogramDataPoint,
    point_labels: dict[str, str],
    buckets: Sequence[tuple[float, int]],
    exemplars: Sequence[SdkExemplar],
) -> Iterator[Sample]:
    lower = -_INFINITY
    for upper, count in buckets:
        inside = [exemplar for exemplar in exemplars if lower < exemplar.value <= upper]
        exemplar = _exemplar(inside[-1]) if inside else None
        yield Sample(
            f"{name}_bucket",
            {**point_labels, "le": "+Inf" if upper == _INFINITY else repr(float(upper))},
            count,
            None,
            exemplar,
        )
        lower = upper
    yield Sample(f"{name}_count", point_labels, point.count)
    yield Sample(f"{name}_sum", point_labels, point.sum)


def _buckets(point: HistogramDataPoint) -> list[tuple[float, int]]:
    """Upper bounds and cumulative counts; the last bound is +Inf."""
    bounds = [*point.explicit_bounds, _INFINITY]
    return list(zip(bounds, accumulate(point.bucket_counts), strict=True))


def _exponential_buckets(point: ExponentialHistogramDataPoint) -> list[tuple[float, int]]:
    """The same of an exponential histogram: text formats have no native ones."""
    base: float = 2.0 ** (2.0**-point.scale)
    counts = [
        (-(base ** (point.negative.offset + index)), count)
        for index, count in reversed(list(enumerate(point.negative.bucket_counts)))
        if count
    ]
    counts.append((0.0, point.zero_count))
    counts += [
        (base ** (point.positive.offset + index + 1), count)
        for index, count in enumerate(point.positive.bucket_counts)
        if count
    ]
    counts.append((_INFINITY, 0))
    return list(zip((bound for bound, _ in counts), accumulate(count for _, count in counts), strict=True))


def _exemplar(exemplar: SdkExemplar) -> Exemplar:
    ids: dict[str, str] = {}
    if exemplar.trace_id and exemplar.span_id:
        ids = {"trace_id": f"{exemplar.trace_id:032x}", "span_id": f"{exemplar.span_id:016x}"}
    everything = labels(exemplar.filtered_attributes) | ids
    fits = sum(len(key) + len(text) for key, text in everything.items()) <= _EXEMPLAR_CHARACTERS
    return Exemplar(everything if fits else ids, exemplar.value, exemplar.time_unix_nano / 1e9)
