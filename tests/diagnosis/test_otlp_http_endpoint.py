# SPDX-License-Identifier: Apache-2.0
"""`diagnose` against OTLP/HTTP endpoints, good and bad."""

from __future__ import annotations

import gzip

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import faulty_otlp as faulty


def test_a_good_receiver_gets_one_point_of_each_signal(check):
    with faulty.http_server() as server:
        findings = check(
            exporter="otlp-http",
            otlp_endpoint=f"http://127.0.0.1:{server.port}/tenant",
            otlp_headers="x-key=abcdef",
        )
    assert [(finding.check, finding.headline) for finding in findings] == [
        ("otlp-http name", "the host name is known"),
        ("otlp-http connection", "something listens"),
        ("otlp-http metric", "received"),
        ("otlp-http span", "received"),
        ("otlp-http log", "received"),
    ]
    assert [path for path, _, _ in server.requests] == [
        "/tenant/v1/metrics",
        "/tenant/v1/traces",
        "/tenant/v1/logs",
    ]
    _, headers, body = server.requests[1]
    assert headers["x-key"] == "abcdef"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["content-encoding"] == "gzip"
    request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "kairos doctor"


def test_without_compression_the_body_is_plain(check):
    with faulty.http_server() as server:
        check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}", otlp_compression="none")
    _, headers, body = server.requests[1]
    assert "content-encoding" not in headers
    assert ExportTraceServiceRequest.FromString(body).resource_spans


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        (400, "the receiver refuses the request"),
        (401, "the receiver does not accept the credentials"),
        (403, "the credentials are valid but not allowed to send this"),
        (404, "the server does not know the path"),
        (405, "the server does not know the path"),
        (413, "the request is too large for the receiver"),
        (429, "the receiver asks to slow down"),
        (500, "the receiver is there but takes no data now"),
        (503, "the receiver is there but takes no data now"),
    ],
)
def test_each_status_has_its_words(check, status, headline):
    with faulty.http_server(status, b"because of this", {"Content-Type": "text/plain"}) as server:
        findings = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")
    assert [finding.headline for finding in findings[2:]] == [headline] * 3
    assert f"HTTP {status} " in findings[-1].message
    assert findings[-1].message.endswith('for /v1/logs; "because of this"')


def test_retry_after_is_reported(check):
    with faulty.http_server(429, b"", {"Retry-After": "30"}) as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")[-1]
    assert finding.message == (
        'the receiver asks to slow down: HTTP 429 Too Many Requests for /v1/logs; Retry-After: "30"'
    )


def test_the_words_of_a_protobuf_status_are_read(check):
    body = Status(code=3, message="unknown tenant").SerializeToString()
    with faulty.http_server(400, body) as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")[-1]
    assert finding.message.endswith('"unknown tenant"')


def test_an_unreadable_status_is_left_out(check):
    with faulty.http_server(400, b"\xff\xff") as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")[-1]
    assert finding.message == "the receiver refuses the request: HTTP 400 Bad Request for /v1/logs"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure(check, status):
    with faulty.http_server(status, b"", {"Location": "https://other.example/v1/logs"}) as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")[-1]
    assert (str(finding.outcome), finding.headline) == ("failed", "the server redirects elsewhere")
    assert '"https://other.example/v1/logs"' in finding.message


def test_partial_success_gives_the_count_and_the_words_of_the_server(check):
    partial = ExportLogsPartialSuccess(rejected_log_records=1, error_message="too old")
    body = ExportLogsServiceResponse(partial_success=partial).SerializeToString()
    with faulty.http_server(200, body) as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")[-1]
    assert finding.message == 'the receiver rejected a part: 1 of 1 log rejected; "too old"'
    assert str(finding.outcome) == "failed"


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (
            b"<html>Please log in</html>",
            {"Content-Type": "text/html; charset=utf-8"},
            "HTTP 200 with a web page",
        ),
        (b"\xff\xff\xff", {}, "HTTP 200 with a body that is no OTLP response"),
    ],
)
def test_a_good_status_with_something_else_is_a_failure(check, body, headers, words):
    with faulty.http_server(200, body, headers) as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")[-1]
    assert finding.message == f"the answer is not OTLP: {words}"


def test_an_answer_in_json_counts_as_received(check):
    with faulty.http_server(200, b"{}", {"Content-Type": "application/json"}) as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")[-1]
    assert finding.headline == "received"


def test_http_spoken_to_a_grpc_port(check):
    with faulty.grpc_server() as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")[-1]
    assert finding.headline == "this is a gRPC port, but HTTP was spoken"
    assert "4318" in finding.remedy
    assert "KAIROS_TELEMETRY_EXPORTER=otlp." in finding.remedy


def test_https_spoken_to_a_grpc_port(check, authority):
    with faulty.grpc_server(tls=authority.issue("127.0.0.1")) as server:
        finding = check(
            exporter="otlp-http",
            otlp_endpoint=f"https://127.0.0.1:{server.port}",
            otlp_certificate=authority.file,
        )[-1]
    assert finding.headline == "this is a gRPC port, but HTTP was spoken"


def test_plain_text_answered_with_a_400_by_a_tls_port(check, authority):
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = authority.issue("127.0.0.1")
    context.load_cert_chain(pair.certificate, pair.key)

    def serve(connection):
        if connection.recv(1, 2) == b"\x16":  # MSG_PEEK: a TLS handshake record
            context.wrap_socket(connection, server_side=True).close()
        else:
            faulty.read_request(connection)
            connection.sendall(
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server."
            )

    with faulty.raw_server(serve) as port:
        finding = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{port}")[-1]
    assert finding.headline == "the server wants TLS, but plain text was sent"


def test_self_signed_certificate(check, authority, tmp_path):
    import trustme

    lonely = trustme.CA()  # its own certificate stands for a server's that signed itself
    pair = faulty.Pair(tmp_path / "self.pem", tmp_path / "self.key")
    lonely.cert_pem.write_to_path(pair.certificate)
    lonely.private_key_pem.write_to_path(pair.key)
    with faulty.http_server(tls=pair) as server:
        finding = check(exporter="otlp-http", otlp_endpoint=f"https://127.0.0.1:{server.port}")[-1]
    assert finding.headline == "the server's certificate is not trusted"
    assert "self-signed" in finding.message


def test_a_header_that_http_cannot_carry(check, settings):
    from telemetry.diagnosis.http_probe import send_all
    from telemetry.diagnosis.payload import parcels
    from telemetry.diagnosis.targets import Target

    load = parcels(settings(exporter="otlp-http"), "otlp-http")[:1]
    with faulty.http_server() as server:
        target = Target("otlp-http", "127.0.0.1", server.port, False, 0.5, (("x-key", "two\nlines"),))
        ((_, answer),) = send_all(target, load, None)
    assert (answer.symptom.headline, answer.detail) == ("a header cannot be sent", "x-key")


def test_a_missing_extra_is_named(check, monkeypatch):
    monkeypatch.setattr("telemetry.exporters.otlp_http.find_spec", lambda name: None)
    finding = check(exporter="otlp-http")[-1]
    assert finding.headline == "an optional dependency is missing"
    assert "pip install 'kairos-telemetry[http]'" in finding.message


def test_something_that_is_not_http_inside_tls(check, authority):
    def serve(connection):
        faulty.read_request(connection)
        connection.sendall(b"220 mail ready\r\n")

    with faulty.tls_server(authority, serve) as port:
        finding = check(
            exporter="otlp-http", otlp_endpoint=f"https://127.0.0.1:{port}", otlp_certificate=authority.file
        )[-1]
    assert finding.headline == "the answer is not OTLP"
