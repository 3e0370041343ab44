# SPDX-License-Identifier: Apache-2.0
"""Metrics, spans and logs arrive at real collectors, over gRPC and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.providers import providers
from support.tls import Proxy
from support.transports import spans_request, transport

from telemetry.config import load_config
from telemetry.exporters import registry
from telemetry.exporters.transport import Denied, RetryLater

if TYPE_CHECKING:
    from support.received import Received
    from support.receivers import Receiver
    from support.tls import Certificates

PROTOCOLS = pytest.mark.parametrize("name", ["otlp", "otlp-http"])


def port_of(receiver: Receiver, name: str) -> int:
    return receiver.grpc_port if name == "otlp" else receiver.http_port


def send_everything(name: str, endpoint: str, **settings: Any) -> None:
    config = load_config("svc", "1", exporter=name, otlp_endpoint=endpoint, **settings)
    with providers(registry.build(name, config)) as sdk:
        sdk.record_everything()


def is_complete(received: Received) -> bool:
    return len(received.spans) == 2 and len(received.logs) == 1 and len(received.points) == 4


def assert_everything(received: Received) -> None:
    assert received.total("kairos.errors.total") == 5
    assert received.total("kairos.errors.total", error__code="timeout", recoverable="true") == 3
    assert received.series("kairos.health.status") == {(("component", "llm"),): 2}
    (duration,) = (point for point in received.points if point.kind == "Histogram")
    assert (duration.metric, duration.count, duration.value, duration.unit) == (
        "gen_ai.client.operation.duration",
        1,
        0.5,
        "s",
    )
    inner, outer = received.spans
    assert [inner.name, outer.name] == ["chat model-1", "invoke_agent kairos"]
    assert inner.parent_id == outer.span_id
    (log,) = received.logs
    assert (log.body, log.severity, log.span_id) == ("retrying", "WARN", inner.span_id)
    for item in (*received.points, *received.spans, *received.logs):
        assert item.resource == {"service.name": "tested", "service.version": "1.2.3"}


@PROTOCOLS
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_everything_arrives(receiver, name, compression):
    send_everything(name, f"127.0.0.1:{port_of(receiver, name)}", otlp_compression=compression)
    assert_everything(receiver.wait_for(is_complete))


@PROTOCOLS
def test_everything_arrives_over_tls(receiver, name, certificates: Certificates):
    with Proxy(port_of(receiver, name), certificates.server_context()) as proxy:
        endpoint = f"https://localhost:{proxy.port}"
        send_everything(name, endpoint, otlp_certificate=certificates.authority)
        assert_everything(receiver.wait_for(is_complete))


@PROTOCOLS
def test_everything_arrives_over_mutual_tls(receiver, name, certificates: Certificates):
    with Proxy(port_of(receiver, name), certificates.server_context(wants_client=True)) as proxy:
        send_everything(
            name,
            f"https://localhost:{proxy.port}",
            otlp_certificate=certificates.authority,
            otlp_client_certificate=certificates.client,
            otlp_client_key=certificates.client_key,
        )
        assert_everything(receiver.wait_for(is_complete))


@PROTOCOLS
def test_a_server_of_a_strange_authority_gets_nothing(receiver, name, certificates: Certificates):
    with Proxy(port_of(receiver, name), certificates.server_context()) as proxy:
        endpoint = f"https://localhost:{proxy.port}"
        with transport(name, endpoint, otlp_certificate=certificates.other_authority) as made:
            assert isinstance(made.send(spans_request(), 2), Denied)
        assert proxy.bytes_in == 0


@PROTOCOLS
def test_without_a_client_certificate_mutual_tls_fails(receiver, name, certificates: Certificates):
    with Proxy(port_of(receiver, name), certificates.server_context(wants_client=True)) as proxy:
        endpoint = f"https://localhost:{proxy.port}"
        with transport(name, endpoint, otlp_certificate=certificates.authority) as made:
            assert isinstance(made.send(spans_request(), 2), Denied | RetryLater)


@PROTOCOLS
def test_the_machines_authorities_are_trusted_when_none_is_configured(
    receiver, name, certificates: Certificates, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    monkeypatch.delenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", raising=False)  # it goes before the machine's list
    with Proxy(port_of(receiver, name), certificates.server_context()) as proxy:
        send_everything(name, f"https://localhost:{proxy.port}")
        assert_everything(receiver.wait_for(is_complete))


@PROTOCOLS
def test_gzip_makes_requests_smaller(receiver, name):
    sizes = {}
    for compression in ("none", "gzip"):
        with Proxy(port_of(receiver, name)) as proxy:
            config = load_config(
                "svc",
                "1",
                exporter=name,
                otlp_endpoint=f"127.0.0.1:{proxy.port}",
                otlp_compression=compression,
            )
            with providers(registry.build(name, config)) as sdk:
                sdk.log("a" * 100_000)
            receiver.wait_for(lambda received: received.logs)
            receiver.forget()
            sizes[compression] = proxy.bytes_in
    assert sizes["none"] > 100_000
    assert sizes["gzip"] < 10_000


@PROTOCOLS
def test_delta_temporality_arrives_as_deltas(receiver, name, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    config = load_config("svc", "1", exporter=name, otlp_endpoint=f"127.0.0.1:{port_of(receiver, name)}")
    with providers(registry.build(name, config)) as sdk:
        counter = sdk.meter.create_counter("kairos.errors.total")
        for _ in range(3):
            counter.add(2, {"component": "llm"})
            sdk.meters.force_flush()
    received = receiver.wait_for(lambda received: len(received.points) == 3)
    assert [point.value for point in received.points] == [2, 2, 2]
    assert all(point.is_delta for point in received.points)
    assert received.total("kairos.errors.total") == 6
