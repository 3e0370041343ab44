# SPDX-License-Identifier: Apache-2.0
"""`otlp`: OTLP over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.exporters.base import Exporters, Otlp
from telemetry.exporters.grpc_transport import GrpcTransport
from telemetry.exporters.temporality import preferred_aggregation, preferred_temporality

if TYPE_CHECKING:
    from telemetry.config import Settings

__all__ = ["build"]


def build(config: Settings) -> Exporters:
    """Build the exporter. Imports neither grpc nor protobuf: the first request does.

    The endpoint, credentials, headers, compression and timeout come from `config` alone.
    """
    return Exporters(otlp=Otlp(GrpcTransport(config), preferred_temporality(), preferred_aggregation()))
