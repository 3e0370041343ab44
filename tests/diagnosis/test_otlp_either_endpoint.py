# SPDX-License-Identifier: Apache-2.0
"""What is the same over gRPC and HTTP: the way to the server, and TLS."""

from __future__ import annotations

import datetime as dt

import pytest
from support import faulty_otlp as faulty

YEAR_2020 = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
YEAR_2998 = dt.datetime(2998, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(params=["otlp", "otlp-http"])
def exporter(request):
    return request.param


@pytest.fixture
def server(exporter):
    """The kind of receiver that fits the exporter."""
    return faulty.grpc_server if exporter == "otlp" else faulty.http_server


@pytest.fixture
def last(check, exporter):
    """The finding that ends the walk to a port."""

    def run(port, scheme="http", host="127.0.0.1", **given):
        return check(exporter=exporter, otlp_endpoint=f"{scheme}://{host}:{port}", **given)[-1]

    return run


def test_nothing_listening(last):
    port = faulty.closed_port()
    finding = last(port)
    assert finding.message == f"nothing is listening: 127.0.0.1 port {port} refuses connections"
    assert f"Start a receiver on port {port}" in finding.remedy


def test_unknown_host(last):
    finding = last(4317, host="nothing.invalid")
    assert finding.message.startswith("the host name is not known: nothing.invalid (")


def test_silent_server(last):
    with faulty.silent_server() as port:
        finding = last(port, otlp_timeout_seconds=0.1)
    assert finding.message == (
        f"the server accepts the connection but never answers: 127.0.0.1:{port}, within 0.1 s"
    )


def test_silent_server_over_tls(last):
    with faulty.silent_server() as port:
        finding = last(port, "https", otlp_timeout_seconds=0.1)
    assert finding.headline == "the server accepts the connection but never answers"
    assert "TLS handshake not answered within 0.1 s" in finding.message


def test_server_that_hangs_up(last):
    with faulty.raw_server(lambda connection: connection.recv(65536)) as port:
        assert last(port).headline == "the server closes the connection without an answer"


def test_plain_text_where_the_server_wants_tls(last, server, authority):
    with server(tls=authority.issue("127.0.0.1")) as running:
        finding = last(running.port)
    assert finding.headline == "the server wants TLS, but plain text was sent"
    assert f"https://127.0.0.1:{running.port}" in finding.remedy


def test_tls_where_the_server_is_plain_text(last, server):
    with server() as running:
        finding = last(running.port, "https")
    assert finding.headline == "the server speaks plain text, but TLS was tried"
    assert "KAIROS_TELEMETRY_OTLP_INSECURE=true" in finding.remedy


def test_unknown_authority(last, server, authority):
    with server(tls=authority.issue("127.0.0.1")) as running:
        finding = last(running.port, "https")
    assert finding.headline == "the server's certificate is not trusted"
    assert "KAIROS_TELEMETRY_OTLP_CERTIFICATE" in finding.remedy


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_certificate_for_another_name(last, server, authority, host):
    with server(tls=authority.issue("collector.example")) as running:
        finding = last(running.port, "https", host, otlp_certificate=authority.file)
    assert finding.headline == "the server's certificate is for another name"
    assert host in finding.message


@pytest.mark.parametrize(
    ("validity", "headline"),
    [
        ({"not_after": YEAR_2020}, "the server's certificate has expired"),
        ({"not_before": YEAR_2998}, "the server's certificate is not valid yet"),
    ],
)
def test_certificate_outside_its_time(last, server, authority, validity, headline):
    with server(tls=authority.issue("127.0.0.1", **validity)) as running:
        assert last(running.port, "https", otlp_certificate=authority.file).headline == headline


def test_missing_client_certificate(last, server, authority):
    with server(tls=authority.issue("127.0.0.1"), client_ca=authority.file) as running:
        finding = last(running.port, "https", otlp_certificate=authority.file)
    assert finding.headline == "the server asks for a client certificate"
    assert "KAIROS_TELEMETRY_OTLP_CLIENT_KEY" in finding.remedy


@pytest.mark.parametrize(
    ("signer", "headline"),
    [("ca", "received"), ("stranger", "the server refuses the client certificate")],
)
def test_client_certificate(last, server, authority, tmp_path, signer, headline):
    signers = {"ca": authority, "stranger": faulty.Authority(tmp_path, "stranger")}
    client = signers[signer].issue("client@example.org", file="client")
    with server(tls=authority.issue("127.0.0.1"), client_ca=authority.file) as running:
        finding = last(
            running.port,
            "https",
            otlp_certificate=authority.file,
            otlp_client_certificate=client.certificate,
            otlp_client_key=client.key,
        )
    assert finding.headline == headline
