# SPDX-License-Identifier: Apache-2.0
"""How metrics are summed up for OTLP: the two standard variables that choose it.

The SDK reads them inside its OTLP exporters, which import protobuf; a reader needs the answer
before there is an exporter. Source: OpenTelemetry specification, "OTLP metrics exporter,
additional environment variable configuration".
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION,
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE,
)
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["preferred_aggregation", "preferred_temporality"]

_DELTA_INSTRUMENTS: Final = {
    "cumulative": (),
    "delta": (Counter, ObservableCounter, Histogram),
    "lowmemory": (Counter, Histogram),
}
_HISTOGRAMS: Final = {
    "explicit_bucket_histogram": ExplicitBucketHistogramAggregation,
    "base2_exponential_bucket_histogram": ExponentialBucketHistogramAggregation,
}
_INSTRUMENTS: Final = (
    Counter,
    UpDownCounter,
    Histogram,
    ObservableCounter,
    ObservableUpDownCounter,
    ObservableGauge,
)


def preferred_temporality(environ: Mapping[str, str] = os.environ) -> dict[type, AggregationTemporality]:
    """The temporality of each kind of instrument.

    `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`: `cumulative` (default), `delta` or
    `lowmemory`, in any case. Another value means the default and a warning, as specified.
    """
    choice = _choice(environ, OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE, tuple(_DELTA_INSTRUMENTS))
    delta = _DELTA_INSTRUMENTS[choice]
    return {
        kind: AggregationTemporality.DELTA if kind in delta else AggregationTemporality.CUMULATIVE
        for kind in _INSTRUMENTS
    }


def preferred_aggregation(environ: Mapping[str, str] = os.environ) -> dict[type, Aggregation]:
    """The aggregation of histograms that no view decides.

    `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`: `explicit_bucket_histogram`
    (default) or `base2_exponential_bucket_histogram`. Another value means the default and a warning.
    """
    choice = _choice(environ, OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION, tuple(_HISTOGRAMS))
    return {Histogram: _HISTOGRAMS[choice]()}


def _choice(environ: Mapping[str, str], variable: str, allowed: tuple[str, ...]) -> str:
    given = environ.get(variable, "").strip()
    if not given or given.lower() in allowed:
        return given.lower() or allowed[0]
    warnings.warn(
        f"{variable}: {given!r} is not allowed; allowed: {', '.join(allowed)}. Using {allowed[0]}.",
        RuntimeWarning,
        stacklevel=3,
    )
    return allowed[0]
