# SPDX-License-Identifier: Apache-2.0
"""`otlp`: OTLP over gRPC, by the SDK's exporters.

The SDK's exporters read a dozen `OTEL_*` variables for whatever they are not told. Config has
already decided, so they are told everything, defaults included.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry.exporters.base import Exporters
from telemetry.exporters.lazy import LazyLogExporter, LazyMetricExporter, LazySpanExporter
from telemetry.exporters.temporality import preferred_aggregation, preferred_temporality

if TYPE_CHECKING:
    from grpc import ChannelCredentials
    from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter
    from opentelemetry.sdk.metrics.view import Aggregation
    from opentelemetry.sdk.trace.export import SpanExporter

    from telemetry.config import Settings
    from telemetry.exporters.sdk_logs import LogRecordExporter

__all__ = ["build"]

# gRPC waits up to two minutes between attempts to connect; after an outage that is how long
# nothing would arrive.
_CHANNEL_OPTIONS = (("grpc.initial_reconnect_backoff_ms", 1_000), ("grpc.max_reconnect_backoff_ms", 5_000))
# OTLP specification, "OTLP/gRPC response": the codes after which a client tries again.
_RETRYABLE = (
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNAVAILABLE",
    "DATA_LOSS",
)


def build(config: Settings) -> Exporters:
    """Build the exporter. Imports neither grpc nor protobuf: the first export does.

    The endpoint, credentials, headers, compression and timeout come from `config` alone.
    """
    temporality, aggregation = preferred_temporality(), preferred_aggregation()
    return Exporters(
        metrics=LazyMetricExporter(
            partial(_metrics, config, temporality, aggregation), temporality, aggregation
        ),
        spans=LazySpanExporter(partial(_spans, config)),
        logs=LazyLogExporter(partial(_logs, config)),
    )


class _Metadata(tuple[tuple[str, str], ...]):
    """Headers that are true even when empty: for false ones the SDK reads OTEL_EXPORTER_OTLP_HEADERS."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


def _metrics(
    config: Settings, temporality: dict[type, AggregationTemporality], aggregation: dict[type, Aggregation]
) -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(
        **_settings(config), preferred_temporality=temporality, preferred_aggregation=aggregation
    )


def _spans(config: Settings) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(**_settings(config))


def _logs(config: Settings) -> LogRecordExporter:
    from telemetry.exporters.sdk_logs import grpc_log_exporter

    return grpc_log_exporter()(**_settings(config))


def _settings(config: Settings) -> dict[str, Any]:
    import grpc

    target, insecure = config.grpc_target()
    return {
        # As a URL: the SDK takes a bare host named like a scheme ("https:4317") for one.
        "endpoint": f"{'http' if insecure else 'https'}://{target}",
        "insecure": insecure,
        "credentials": None if insecure else _credentials(config),
        "headers": _Metadata(config.headers().items()),
        "timeout": config.otlp_timeout_seconds,
        "compression": (
            grpc.Compression.Gzip if config.otlp_compression == "gzip" else grpc.Compression.NoCompression
        ),
        "channel_options": _CHANNEL_OPTIONS,
        "retryable_error_codes": frozenset(getattr(grpc.StatusCode, name) for name in _RETRYABLE),
    }


def _credentials(config: Settings) -> ChannelCredentials:
    import grpc

    from telemetry.exporters.trust import system_roots

    roots = _read(config.otlp_certificate)
    # gRPC's own variable for the same purpose goes before the machine's list; gRPC reads it itself.
    if roots is None and "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" not in os.environ:
        roots = _read(system_roots())
    return grpc.ssl_channel_credentials(
        root_certificates=roots,
        private_key=_read(config.otlp_client_key),
        certificate_chain=_read(config.otlp_client_certificate),
    )


def _read(path: Path | str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
