# SPDX-License-Identifier: Apache-2.0
"""`otlp`: OTLP over gRPC."""

from __future__ import annotations

from functools import partial
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
    return Exporters(
        otlp=Otlp(
            partial(GrpcTransport, config),
            preferred_temporality(),
            preferred_aggregation(),
            is_fragile=True,  # the first call of a child that was forked inside gRPC crashes (grpcio 1.85)
        )
    )
