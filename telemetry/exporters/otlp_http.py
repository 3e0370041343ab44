# SPDX-License-Identifier: Apache-2.0
"""`otlp-http`: OTLP over HTTP with protobuf bodies, by the SDK's exporters (extra `http`)."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from telemetry.errors import MissingExtraError
from telemetry.exporters.base import Exporters
from telemetry.exporters.lazy import LazyLogExporter, LazyMetricExporter, LazySpanExporter
from telemetry.exporters.temporality import preferred_aggregation, preferred_temporality

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter
    from opentelemetry.sdk.metrics.view import Aggregation
    from opentelemetry.sdk.trace.export import SpanExporter

    from telemetry.config import Settings
    from telemetry.exporters.sdk_logs import LogRecordExporter

__all__ = ["build"]

_PACKAGES = ("opentelemetry.exporter.otlp.proto.http", "requests")


def build(config: Settings) -> Exporters:
    """Build the exporter. Imports neither protobuf nor requests: the first export does.

    Each signal goes to the configured base URL plus `/v1/metrics`, `/v1/traces` or `/v1/logs`.

    Raises:
        MissingExtraError: The extra `http` is not installed.
    """
    if any(find_spec(package) is None for package in _PACKAGES):
        raise MissingExtraError("The otlp-http exporter", "http")
    temporality, aggregation = preferred_temporality(), preferred_aggregation()
    return Exporters(
        metrics=LazyMetricExporter(
            partial(_metrics, config, temporality, aggregation), temporality, aggregation
        ),
        spans=LazySpanExporter(partial(_spans, config)),
        logs=LazyLogExporter(partial(_logs, config)),
    )


def _metrics(
    config: Settings, temporality: dict[type, AggregationTemporality], aggregation: dict[type, Aggregation]
) -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(
        **_settings(config, "metrics"), preferred_temporality=temporality, preferred_aggregation=aggregation
    )


def _spans(config: Settings) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(**_settings(config, "traces"))


def _logs(config: Settings) -> LogRecordExporter:
    from telemetry.exporters.sdk_logs import http_log_exporter

    return http_log_exporter()(**_settings(config, "logs"))


def _settings(config: Settings, signal: str) -> dict[str, Any]:
    from opentelemetry.exporter.otlp.proto.http import Compression

    from telemetry.exporters.http_session import PinnedSession

    endpoint = f"{config.http_base_url()}/v1/{signal}"
    return {
        "endpoint": endpoint,
        "session": PinnedSession(
            endpoint,
            headers=config.headers(),
            certificate=config.otlp_certificate,
            client_certificate=config.otlp_client_certificate,
            client_key=config.otlp_client_key,
        ),
        "timeout": config.otlp_timeout_seconds,
        "compression": Compression.Gzip if config.otlp_compression == "gzip" else Compression.NoCompression,
    }
