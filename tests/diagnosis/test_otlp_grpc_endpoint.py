# SPDX-License-Identifier: Apache-2.0
"""`diagnose` against OTLP/gRPC endpoints, good and bad."""

from __future__ import annotations

import ssl

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import faulty_otlp as faulty


def steps(findings):
    return [(finding.check, str(finding.outcome), finding.headline) for finding in findings]


def test_a_good_receiver_gets_one_point_of_each_signal(check):
    with faulty.grpc_server() as server:
        findings = check(exporter="otlp", otlp_endpoint=f"127.0.0.1:{server.port}")
    assert steps(findings) == [
        ("otlp name", "ok", "the host name is known"),
        ("otlp connection", "ok", "something listens"),
        ("otlp protocol", "ok", "the server speaks HTTP/2, as gRPC needs"),
        ("otlp metric", "ok", "received"),
        ("otlp span", "ok", "received"),
        ("otlp log", "ok", "received"),
    ]
    assert findings[-1].message.startswith("received: 1 log in ")
    assert findings[-1].message.endswith(" ms")
    (_, _, metric), (_, _, span), (_, _, log) = server.requests
    resource_metrics = ExportMetricsServiceRequest.FromString(metric).resource_metrics[0]
    sent = resource_metrics.scope_metrics[0].metrics[0]
    assert (sent.name, sent.gauge.data_points[0].as_int) == ("kairos.telemetry.doctor", 1)
    attributes = {pair.key: pair.value.string_value for pair in resource_metrics.resource.attributes}
    assert attributes == {"service.name": "doctor-test", "service.version": "1.2.3"}
    sent_span = ExportTraceServiceRequest.FromString(span).resource_spans[0].scope_spans[0].spans[0]
    assert sent_span.name == "kairos doctor"
    record = ExportLogsServiceRequest.FromString(log).resource_logs[0].scope_logs[0].log_records[0]
    assert record.body.string_value == "kairos doctor"


def test_only_signals_that_the_exporter_is_configured_for_are_sent(check, monkeypatch):
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    with faulty.grpc_server() as server:
        check(otlp_endpoint=f"127.0.0.1:{server.port}")
    assert [service for service, _, _ in server.requests] == ["MetricsService"]


def test_headers_arrive(check):
    with faulty.grpc_server() as server:
        check(exporter="otlp", otlp_endpoint=f"127.0.0.1:{server.port}", otlp_headers="X-Key=abcdef")
    assert server.requests[0][1]["x-key"] == "abcdef"


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_compression_is_the_configured_one(check, compression):
    with faulty.grpc_server() as server:
        findings = check(
            exporter="otlp", otlp_endpoint=f"127.0.0.1:{server.port}", otlp_compression=compression
        )
    assert findings[-1].headline == "received"


def test_connection_attempt_without_an_answer(check):
    with faulty.deaf_server() as port:
        finding = check(exporter="otlp", otlp_timeout_seconds=0.5, otlp_endpoint=f"127.0.0.1:{port}")[-1]
    assert finding.message == f"the connection attempt gets no answer: 127.0.0.1 port {port}, within 0.5 s"


def test_server_that_hangs_up_during_the_handshake(check):
    with faulty.raw_server(lambda connection: connection.recv(9999)) as port:
        finding = check(exporter="otlp", otlp_endpoint=f"https://127.0.0.1:{port}")[-1]
    assert finding.message == (
        f"the TLS handshake fails: 127.0.0.1:{port} closed the connection during the handshake"
    )


def test_tls_where_a_slow_http_server_is_plain_text(check):
    with faulty.http_server() as server:
        finding = check(exporter="otlp", otlp_endpoint=f"https://127.0.0.1:{server.port}")[-1]
    assert finding.headline == "the server speaks plain text, but TLS was tried"


def test_tls_with_a_trusted_certificate(check, authority):
    with faulty.grpc_server(tls=authority.issue("127.0.0.1")) as server:
        findings = check(
            exporter="otlp",
            otlp_endpoint=f"https://127.0.0.1:{server.port}",
            otlp_certificate=authority.file,
        )
    assert [finding.headline for finding in findings[2:]] == [
        "TLS works and the certificate is trusted",
        "the server speaks HTTP/2, as gRPC needs",
        "received",
        "received",
        "received",
    ]


@pytest.mark.parametrize(
    ("code", "details", "headline"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "no token", "the receiver does not accept the credentials"),
        (grpc.StatusCode.PERMISSION_DENIED, "", "the credentials are valid but not allowed to send this"),
        (grpc.StatusCode.UNIMPLEMENTED, "unknown service", "the receiver does not take this signal"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota used", "the receiver asks to slow down"),
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "grpc: received message larger than max (300 vs. 1)",
            "the request is too large for the receiver",
        ),
        (grpc.StatusCode.UNAVAILABLE, "not ready", "the receiver is there but takes no data now"),
        (grpc.StatusCode.INVALID_ARGUMENT, "bad data", "the receiver refuses the request"),
    ],
)
def test_each_status_has_its_words(check, code, details, headline):
    with faulty.grpc_server((code, details)) as server:
        findings = check(exporter="otlp", otlp_endpoint=f"127.0.0.1:{server.port}")
    assert [(finding.check, finding.headline) for finding in findings[3:]] == [
        ("otlp metric", headline),
        ("otlp span", headline),
        ("otlp log", headline),
    ]
    assert f"gRPC status {code.name}" in findings[-1].message
    assert details in findings[-1].message


def test_the_remedy_names_the_signal(check):
    with faulty.grpc_server((grpc.StatusCode.UNIMPLEMENTED, "")) as server:
        finding = check(exporter="otlp", otlp_endpoint=f"127.0.0.1:{server.port}")[-2]
    assert "Enable a pipeline for spans" in finding.remedy
    assert "OTEL_TRACES_EXPORTER=none" in finding.remedy


def test_partial_success_gives_the_count_and_the_words_of_the_server(check):
    partial = ExportMetricsPartialSuccess(rejected_data_points=1, error_message="name is\n reserved")
    answer = ExportMetricsServiceResponse(partial_success=partial).SerializeToString()
    with faulty.grpc_server(answer) as server:  # the three answers look the same on the wire
        findings = check(exporter="otlp", otlp_endpoint=f"127.0.0.1:{server.port}")
    said = 'the receiver rejected a part: 1 of 1 {} rejected; "name is reserved"'
    assert [finding.message for finding in findings[3:]] == [
        said.format(name) for name in ("metric", "span", "log")
    ]


def test_a_remark_without_a_rejection_is_a_warning(check):
    partial = ExportMetricsPartialSuccess(error_message="deprecated attribute")
    answer = ExportMetricsServiceResponse(partial_success=partial).SerializeToString()
    with faulty.grpc_server(answer) as server:
        finding = check(exporter="otlp", otlp_endpoint=f"127.0.0.1:{server.port}")[-1]
    assert (str(finding.outcome), finding.message) == (
        "warning",
        'received, with a remark of the receiver: "deprecated attribute"',
    )


def test_a_secret_that_the_server_quotes_is_masked(check):
    with faulty.grpc_server((grpc.StatusCode.UNAUTHENTICATED, "bad token s3cr3t-token")) as server:
        finding = check(
            exporter="otlp",
            otlp_endpoint=f"127.0.0.1:{server.port}",
            otlp_headers={"authorization": "Bearer s3cr3t-token"},
        )[-1]
    assert "s3cr3t" not in finding.message
    assert '"bad token ***"' in finding.message


def test_grpc_spoken_to_an_http_port(check):
    with faulty.http_server() as server:
        finding = check(exporter="otlp", otlp_endpoint=f"127.0.0.1:{server.port}")[-1]
    assert finding.headline == "this is an HTTP port, but gRPC was spoken"
    assert "4317" in finding.remedy
    assert "KAIROS_TELEMETRY_EXPORTER=otlp-http" in finding.remedy
    assert f"KAIROS_TELEMETRY_OTLP_ENDPOINT=http://127.0.0.1:{server.port}" in finding.remedy


def test_grpc_spoken_to_an_https_port(check, authority):
    with faulty.http_server(tls=authority.issue("127.0.0.1")) as server:
        finding = check(
            exporter="otlp",
            otlp_endpoint=f"https://127.0.0.1:{server.port}",
            otlp_certificate=authority.file,
        )[-1]
    assert finding.headline == "this is an HTTP port, but gRPC was spoken"


def test_silence_after_the_handshake(check, authority):
    def serve(connection):
        while connection.recv(99):
            """Read until the client gives up."""

    with faulty.tls_server(authority, serve) as port:
        finding = check(
            exporter="otlp",
            otlp_timeout_seconds=0.5,
            otlp_endpoint=f"https://127.0.0.1:{port}",
            otlp_certificate=authority.file,
        )[-1]
    assert finding.headline == "the server accepts the connection but never answers"


def test_no_common_tls_version(check, authority, monkeypatch):
    with faulty.tls_server(
        authority, lambda connection: None, maximum_version=ssl.TLSVersion.TLSv1_2
    ) as port:
        from telemetry.diagnosis import tls

        plain = tls.client_context

        def only_new(target):
            context = plain(target)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            return context

        monkeypatch.setattr("telemetry.diagnosis.otlp.client_context", only_new)
        finding = check(
            exporter="otlp", otlp_endpoint=f"https://127.0.0.1:{port}", otlp_certificate=authority.file
        )[-1]
    assert finding.headline == "the TLS handshake fails"
    assert "alert protocol version" in finding.message


def test_credentials_over_plain_text_are_a_warning(check):
    finding = check(
        exporter="otlp", otlp_endpoint="http://nothing.invalid:4317", otlp_headers="api-key=s3cr3t-value"
    )[0]
    assert (str(finding.outcome), finding.message) == (
        "warning",
        "credentials travel in plain text: api-key to nothing.invalid:4317",
    )


def test_a_client_certificate_asked_for_by_alert(check, authority):
    with faulty.http_server(tls=authority.issue("127.0.0.1"), client_ca=authority.file) as server:
        finding = check(
            exporter="otlp",
            otlp_endpoint=f"https://127.0.0.1:{server.port}",
            otlp_certificate=authority.file,
        )[-1]
    assert finding.headline == "the server asks for a client certificate"


def test_a_server_that_breaks_the_connection_after_the_handshake(check, authority):
    with faulty.tls_server(authority, faulty.reset) as port:
        finding = check(
            exporter="otlp", otlp_endpoint=f"https://127.0.0.1:{port}", otlp_certificate=authority.file
        )[-1]
    assert finding.message == (
        f"the server asks for a client certificate: 127.0.0.1:{port} (it hangs up right after the handshake)"
    )


def test_a_server_that_closes_on_the_first_word(check, authority):
    with faulty.tls_server(authority, lambda connection: connection.recv(65536)) as port:
        finding = check(
            exporter="otlp",
            otlp_timeout_seconds=0.5,
            otlp_endpoint=f"https://127.0.0.1:{port}",
            otlp_certificate=authority.file,
        )[-1]
    assert finding.headline == "the server closes the connection without an answer"


def test_a_plain_text_server_that_hangs_up_on_a_handshake(check):
    def serve(connection):
        if connection.recv(65536).startswith((b"PRI", b"GET")):
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with faulty.raw_server(serve) as port:
        finding = check(exporter="otlp", otlp_endpoint=f"https://127.0.0.1:{port}")[-1]
    assert finding.headline == "the server speaks plain text, but TLS was tried"
