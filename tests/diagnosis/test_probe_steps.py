# SPDX-License-Identifier: Apache-2.0
"""The probe steps one by one, where a whole walk cannot reach the case."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from support import faulty_otlp as faulty

from telemetry.diagnosis.grpc_probe import explain_status
from telemetry.diagnosis.network import connect, explain_os_error, resolve
from telemetry.diagnosis.payload import parcels
from telemetry.diagnosis.recognise import Speech, offers_http2, recognise
from telemetry.diagnosis.targets import Target, grpc_target, http_target
from telemetry.diagnosis.tls import client_context, explain_hang_up, explain_tls_error

if TYPE_CHECKING:
    import socket


def a_target(port=4317, exporter="otlp", **given):
    return Target(
        exporter, "127.0.0.1", port, given.pop("is_secure", True), given.pop("timeout_s", 5.0), **given
    )


def test_a_name_server_that_does_not_answer():
    release = threading.Event()
    answer = resolve("collector.example", 4317, 0.05, lambda *_, **__: release.wait(5) and [])
    release.set()
    assert answer.symptom.headline == "the name server does not answer"
    assert answer.detail == "no answer about collector.example within 0.05 s"


def test_a_name_that_is_too_long_is_not_known():
    assert resolve("a" * 70 + ".invalid", 4317, 5).symptom.headline == "the host name is not known"


def test_every_address_of_a_name_is_told_once():
    entries = [
        (0, 0, 0, "", ("192.0.2.1", 1)),
        (0, 0, 0, "", ("192.0.2.1", 1)),
        (0, 0, 0, "", ("::2", 1, 0, 0)),
    ]
    answer = resolve("collector.example", 4317, 5, lambda *_, **__: entries)
    assert answer.detail == "collector.example is 192.0.2.1, ::2"


def test_an_address_is_no_name():
    assert resolve("127.0.0.1", 4317, 5).detail == "127.0.0.1 is an address"


def test_a_host_without_a_route():
    assert connect("255.255.255.255", 4317, 0.5).symptom.headline == "the host cannot be reached"


def test_an_error_without_words_is_shown_as_it_is():
    assert explain_os_error(OSError("odd"), "h", 1, 1).detail == "h port 1 (odd)"


@pytest.mark.parametrize(
    ("code", "details", "headline"),
    [
        (
            "UNAVAILABLE",
            "failed to connect: CERTIFICATE_VERIFY_FAILED: x",
            "the server's certificate is not trusted",
        ),
        (
            "UNAVAILABLE",
            "Peer name h is not in peer certificate",
            "the server's certificate is for another name",
        ),
        ("UNAVAILABLE", "DNS resolution failed for h", "the host name is not known"),
        ("UNAVAILABLE", "Connection refused", "nothing is listening"),
        ("UNAVAILABLE", "Received http2 header with status: 302", "the server redirects elsewhere"),
        (
            "UNAVAILABLE",
            "Received http2 header with status: 502",
            "the receiver is there but takes no data now",
        ),
        (
            "UNIMPLEMENTED",
            "Received http2 header with status: 404",
            "this is an HTTP port, but gRPC was spoken",
        ),
        ("UNKNOWN", "Received http2 header with status: 415", "this is an HTTP port, but gRPC was spoken"),
        (
            "UNAUTHENTICATED",
            "Received http2 header with status: 401",
            "the receiver does not accept the credentials",
        ),
        (
            "PERMISSION_DENIED",
            "Received http2 header with status: 403",
            "the credentials are valid but not allowed to send this",
        ),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", "the server accepts the connection but never answers"),
    ],
)
def test_the_words_of_a_grpc_status_tell_causes_apart(code, details, headline):
    assert explain_status(grpc.StatusCode[code], details, a_target()).symptom.headline == headline


@pytest.mark.parametrize("value", ["two\nlines", "größe"])
def test_a_header_that_grpc_cannot_carry(settings, value):
    from telemetry.diagnosis.grpc_probe import send_all

    load = parcels(settings(exporter="otlp"), "otlp")[:1]
    with faulty.grpc_server() as server:
        target = a_target(server.port, is_secure=False, headers=(("x-key", value),))
        ((_, answer),) = send_all(target, load)
    assert answer.symptom.headline == "a header cannot be sent"
    assert value not in answer.detail


def test_latency_is_measured_by_the_given_clock(settings):
    from telemetry.diagnosis.grpc_probe import send_all

    times = iter((1.0, 1.25))
    load = parcels(settings(exporter="otlp"), "otlp")[:1]
    with faulty.grpc_server() as server:
        ((_, answer),) = send_all(a_target(server.port, is_secure=False), load, lambda: next(times))
    assert answer.detail == "1 metric in 250 ms"


@pytest.mark.parametrize("exporter", ["otlp", "otlp-http"])
def test_a_certificate_file_that_vanished(tmp_path, exporter):
    answer = client_context(a_target(exporter=exporter, certificate=str(tmp_path / "gone.pem")))
    assert answer.symptom.headline == "a certificate file cannot be used"


def test_a_certificate_file_that_vanished_ends_the_walk(check, settings, authority, monkeypatch):
    config = settings(exporter="otlp", otlp_endpoint="https://127.0.0.1:1", otlp_certificate=authority.file)
    Path(config.otlp_certificate).unlink()
    from telemetry.diagnosis import diagnose

    with faulty.silent_server() as port:
        monkeypatch.setattr(
            "telemetry.diagnosis.run.grpc_target",
            lambda _: a_target(port, certificate=str(config.otlp_certificate)),
        )
        finding = list(diagnose(config))[-1]
    assert (finding.check, finding.headline) == ("otlp TLS", "a certificate file cannot be used")


@pytest.mark.parametrize("exporter", ["otlp", "otlp-http"])
def test_a_machine_without_roots_uses_those_of_the_library(exporter, monkeypatch):
    monkeypatch.setattr("telemetry.diagnosis.tls.system_roots", lambda: None)
    context = client_context(a_target(exporter=exporter))
    assert context.cert_store_stats()["x509_ca"] > 50


def test_grpcs_own_variable_for_roots_is_respected(monkeypatch, authority):
    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(authority.file))
    assert client_context(a_target()).cert_store_stats()["x509_ca"] == 1
    assert client_context(a_target(exporter="otlp-http")).cert_store_stats()["x509_ca"] > 1


def tls_error(reason):
    err = ssl.SSLError(1, reason)
    err.reason = reason
    return err


@pytest.mark.parametrize(
    ("exporter", "headline"),
    [
        ("otlp", "this is an HTTP port, but gRPC was spoken"),
        ("otlp-http", "this is a gRPC port, but HTTP was spoken"),
    ],
)
def test_no_common_protocol_inside_tls(exporter, headline):
    error = tls_error("TLSV1_ALERT_NO_APPLICATION_PROTOCOL")
    assert explain_tls_error(error, a_target(exporter=exporter)).symptom.headline == headline


def test_a_port_that_takes_a_handshake_for_grpc_only(authority):
    with faulty.grpc_server(tls=authority.issue("127.0.0.1")) as server:
        target = a_target(server.port, "otlp-http", certificate=str(authority.file))
        answer = explain_tls_error(ConnectionResetError(), target)
    assert answer.symptom.headline == "this is a gRPC port, but HTTP was spoken"


def test_a_server_that_hangs_up_only_after_a_question(authority):
    with faulty.http_server(tls=authority.issue("127.0.0.1")) as server:
        target = a_target(server.port, "otlp-http", timeout_s=0.5, certificate=str(authority.file))
        answer = explain_hang_up(target, client_context(target))
    assert answer.symptom.headline == "the server closes the connection without an answer"


def test_a_port_where_nobody_is_any_more():
    port = faulty.closed_port()
    assert recognise("127.0.0.1", port, 0.5) is Speech.UNKNOWN
    assert not offers_http2("127.0.0.1", port, 0.5)


def test_a_port_that_answers_something_else_then_falls_silent():
    def serve(connection: socket.socket) -> None:
        if connection.recv(3) == b"GET":
            connection.recv(65536)
            connection.recv(1)  # until the client gives up
        else:
            connection.sendall(b"220 mail ready\r\n")

    with faulty.raw_server(serve) as port:
        assert recognise("127.0.0.1", port, 0.2) is Speech.UNKNOWN


def test_something_that_is_not_http_on_an_http_port(check):
    def serve(connection: socket.socket) -> None:
        faulty.read_request(connection)
        connection.sendall(b"220 mail ready\r\n")

    with faulty.raw_server(serve) as port:
        finding = check(
            exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{port}", otlp_timeout_seconds=0.5
        )[-1]
    assert finding.message == f"the answer is not OTLP: 127.0.0.1:{port} does not answer in HTTP"


def test_targets_are_read_from_the_settings(settings):
    grpc_side = grpc_target(settings(exporter="otlp", otlp_endpoint="[::1]:4317", otlp_headers="a=bcdef"))
    assert (grpc_side.host, grpc_side.port, grpc_side.address) == ("::1", 4317, "[::1]:4317")
    assert (grpc_side.is_secure, grpc_side.is_loopback, grpc_side.is_compressed) == (False, True, True)
    assert grpc_side.headers == (("a", "bcdef"),)
    http_side = http_target(settings(exporter="otlp-http", otlp_endpoint="https://collector.example/otlp/"))
    assert (http_side.port, http_side.is_secure, http_side.base_path) == (443, True, "/otlp")
    assert http_target(settings(exporter="otlp-http", otlp_endpoint="http://collector.example")).port == 80


def test_short_header_values_are_not_masked():
    target = a_target(headers=(("v", "1"), ("key", "Bearer abcdef")))
    assert target.mask("v 1 got abcdef, Bearer abcdef") == "v 1 got ***, ***"


def test_the_password_in_a_basic_authorization_is_masked():
    target = a_target(headers=(("authorization", "Basic bWU6cGFzc3dvcmQ="), ("other", "Basic odd")))
    assert target.mask("me, password, bWU6cGFzc3dvcmQ=") == "me, ***, ***"
