# SPDX-License-Identifier: Apache-2.0
"""What can be chosen about an export."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from telemetry.audit.keys import KeyRing

__all__ = ["DeliveryOptions", "ExportOptions"]


@dataclass(frozen=True)
class ExportOptions:
    """How rows become spans.

    Attributes:
        ts: Whether a row's `ts` is the span's start or its end; `duration_ms` gives the other one.
        trace_per_row: Each row is its own trace, derived from `prev_hash`; default: a trace for each session.
        service_name: `service.name` of the resource; None: as `OTEL_SERVICE_NAME` or
            `OTEL_RESOURCE_ATTRIBUTES` has it, else `audit`.
        resource: Further attributes of the resource; they win over `OTEL_RESOURCE_ATTRIBUTES`.
        batch: Most spans in one document or request, from 1.
        key_ring: The keys of the trail; with them rows are verified while they pass.
    """

    ts: Literal["start", "end"] = "start"
    trace_per_row: bool = False
    service_name: str | None = None
    resource: Mapping[str, str] = field(default_factory=dict)
    batch: int = 512
    key_ring: KeyRing | None = None


@dataclass(frozen=True)
class DeliveryOptions:
    """Where spans are sent and how.

    What is None is taken from the standard `OTEL_EXPORTER_OTLP_*` variables, those for traces first.

    Attributes:
        endpoint: Base URL of the receiver; `/v1/traces` is added.
        headers: Headers of each request; they win over those of the environment.
        timeout_s: Longest time for connecting, and for each wait for an answer; default 10 s.
        compression: `gzip` or `none`; default `gzip`.
        checkpoint: Where the state is kept; default `<log>.export.json` beside the log.
        follow: Go on with what is appended, until SIGTERM or SIGINT.
        ca_file: PEM file of the authorities that sign the receiver's certificate; default: the system's.
        skip_refused: Keep what the receiver refuses in `<checkpoint>.refused.jsonl` and go on.
        retry_for_s: How long one batch is tried again; None: without end while following, else 300 s.
    """

    endpoint: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    compression: Literal["gzip", "none"] | None = None
    checkpoint: Path | None = None
    follow: bool = False
    ca_file: Path | None = None
    skip_refused: bool = False
    retry_for_s: float | None = None
