# SPDX-License-Identifier: Apache-2.0
"""Transports under test, and requests to give them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from telemetry.config import load_config
from telemetry.exporters.grpc_transport import GrpcTransport
from telemetry.exporters.http_transport import HttpTransport
from telemetry.spool.request import new_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.spool.request import Request
    from telemetry.testing import FaultyReceiver

KINDS = {"otlp": GrpcTransport, "otlp-http": HttpTransport}


def spans_request(names: tuple[str, ...] = ("work",)) -> Request:
    """A request of spans with these names."""
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    for number, name in enumerate(names, 1):
        span = spans.add(name=name, trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"))
        span.status.SetInParent()
    return new_request("traces", len(names), message.SerializeToString())


def empty_request(signal: Any) -> Request:
    """A request of a signal without records."""
    return new_request(signal, 0, b"")


def endpoint_of(receiver: FaultyReceiver, name: str) -> str:
    """Where a receiver listens for the exporter of that name."""
    return receiver.grpc_endpoint if name == "otlp" else receiver.http_endpoint


@contextmanager
def transport(name: str, endpoint: str | int, **settings: Any) -> Iterator[GrpcTransport | HttpTransport]:
    """A transport, closed at the end; an endpoint may be a port of this machine."""
    where = f"127.0.0.1:{endpoint}" if isinstance(endpoint, int) else endpoint
    made = KINDS[name](load_config("svc", "1", exporter=name, otlp_endpoint=where, **settings))
    try:
        yield made
    finally:
        made.close()
