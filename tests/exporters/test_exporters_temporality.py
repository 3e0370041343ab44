# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import AggregationTemporality

from telemetry.exporters.temporality import preferred_aggregation, preferred_temporality

TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
AGGREGATION = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"


@pytest.mark.parametrize("preference", ["", "cumulative", "delta", "LowMemory", " DELTA "])
def test_the_answer_is_that_of_the_sdks_exporter(preference, monkeypatch):
    if preference:
        monkeypatch.setenv(TEMPORALITY, preference)
    theirs = OTLPMetricExporter(insecure=True)
    try:
        assert preferred_temporality() == theirs._preferred_temporality
    finally:
        theirs.shutdown()


def test_counters_are_cumulative_unless_asked_otherwise():
    assert preferred_temporality({})[Counter] is AggregationTemporality.CUMULATIVE


def test_a_preference_that_is_none_is_warned_about_and_means_the_default():
    with pytest.warns(
        RuntimeWarning, match=rf"{TEMPORALITY}: 'daily' is not allowed; allowed: cumulative, delta, lowmemory"
    ):
        chosen = preferred_temporality({TEMPORALITY: "daily"})
    assert chosen[Counter] is AggregationTemporality.CUMULATIVE


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("", "ExplicitBucketHistogramAggregation"),
        ("explicit_bucket_histogram", "ExplicitBucketHistogramAggregation"),
        ("BASE2_EXPONENTIAL_BUCKET_HISTOGRAM", "ExponentialBucketHistogramAggregation"),
    ],
)
def test_histograms_are_aggregated_as_the_standard_variable_says(given, kind):
    assert type(preferred_aggregation({AGGREGATION: given})[Histogram]).__name__ == kind
