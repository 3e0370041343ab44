# SPDX-License-Identifier: Apache-2.0
"""A receiver that cannot be talked to: one plain sentence says why and, where there is one, the remedy."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

import pytest
from support.faulty_otlp import (
    Authority,
    closed_port,
    connect_proxy,
    grpc_server,
    http_server,
    raw_server,
    read_request,
    reset,
)
from support.transports import spans_request, transport

from telemetry.exporters.connection_trouble import explain
from telemetry.exporters.transport import Denied, RetryLater
from telemetry.testing import FaultyReceiver

PROTOCOLS = pytest.mark.parametrize("name", ["otlp", "otlp-http"])
BOTH = pytest.mark.parametrize(("name", "server"), [("otlp", grpc_server), ("otlp-http", http_server)])


def sent_to(name: str, endpoint: str, **settings: Any) -> Any:
    with transport(name, endpoint, **settings) as made:
        return made.send(spans_request(), 5)


def shown(name: str, endpoint: str) -> str:
    """The endpoint as a transport names it: gRPC knows no scheme."""
    return endpoint.partition("://")[2] if name == "otlp" else endpoint


# -- nobody there --------------------------------------------------------------------------


@PROTOCOLS
def test_nothing_listens(name):
    endpoint = f"http://127.0.0.1:{closed_port()}"
    assert sent_to(name, endpoint) == RetryLater(
        f"cannot connect to {shown(name, endpoint)}: connection refused"
    )


def test_grpc_names_the_address_that_it_tried_when_it_is_not_the_one_in_the_settings():
    port = closed_port()
    error = sent_to("otlp", f"localhost:{port}").error
    addresses = {entry[4][0] for entry in socket.getaddrinfo("localhost", port)}
    tried = {f"[{address}]" if ":" in address else address for address in addresses}
    assert error in {
        f"cannot connect to localhost:{port} ({address}:{port}): connection refused" for address in tried
    }


@PROTOCOLS
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_name_does_not_resolve(name, scheme):
    endpoint = f"{scheme}://receiver.invalid:4317"
    assert sent_to(name, endpoint) == RetryLater(
        f"cannot connect to {shown(name, endpoint)}: the host name does not resolve"
    )


@PROTOCOLS
def test_a_proxy_that_is_not_there_is_not_taken_for_the_receiver(name, monkeypatch):
    port = closed_port()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "")
    way = {
        "otlp": f"receiver.test:4317 (127.0.0.1:{port})",
        "otlp-http": "http://receiver.test:4317 through the proxy",
    }[name]
    assert sent_to(name, "http://receiver.test:4317") == RetryLater(
        f"cannot connect to {way}: connection refused"
    )


@PROTOCOLS
@pytest.mark.parametrize(
    ("refusal", "kind", "cause"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", RetryLater, "the proxy refuses: "),
        (b"", Denied, "the proxy wants a user and a password"),
    ],
)
def test_a_proxy_that_lets_nothing_through(name, refusal, kind, cause, monkeypatch):
    with connect_proxy(refusal, wanted_login="none has it") as proxy:
        for variable in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        reply = sent_to(name, "https://receiver.test:4317")
    assert isinstance(reply, kind)
    assert cause in reply.error


# -- somebody hangs up ---------------------------------------------------------------------


@BOTH
def test_plain_text_to_a_port_for_tls(name, server, tmp_path):
    with server(tls=Authority(tmp_path).issue("127.0.0.1")) as seen:
        endpoint = f"http://127.0.0.1:{seen.port}"
        reply = sent_to(name, endpoint)
    assert reply == RetryLater(
        f"{shown(name, endpoint)} closed the connection without an answer; "
        "if it wants TLS, let otlp_endpoint begin with https://"
    )


def test_a_receiver_that_breaks_a_connection():
    with raw_server(lambda c: (read_request(c), reset(c))) as port:
        assert sent_to("otlp-http", f"http://127.0.0.1:{port}") == RetryLater(
            f"http://127.0.0.1:{port} closed the connection without an answer; "
            "if it wants TLS, let otlp_endpoint begin with https://"
        )


def test_a_receiver_that_breaks_a_grpc_connection_that_worked_gets_no_advice_about_tls():
    with FaultyReceiver() as receiver, transport("otlp", receiver.grpc_endpoint) as made:
        made.send(spans_request(), 5)
        receiver.reset(times=1)
        assert made.send(spans_request(), 5) == RetryLater(
            f"{receiver.grpc_endpoint} closed the connection without an answer"
        )


# -- TLS -----------------------------------------------------------------------------------


@BOTH
def test_tls_to_a_port_for_plain_text(name, server):
    with server() as seen:
        endpoint = f"https://127.0.0.1:{seen.port}"
        reply = sent_to(name, endpoint)
    assert reply == RetryLater(
        f"cannot connect to {shown(name, endpoint)}: it does not speak TLS; "
        "let otlp_endpoint begin with http://"
    )


@BOTH
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("stranger", "is not trusted; put the PEM file of its authority into otlp_certificate"),
        ("name", "is for another name; let otlp_endpoint have that name"),
        ("expired", "has expired"),
        ("early", "is not valid yet; check both clocks"),
    ],
)
def test_a_certificate_that_is_not_accepted(name, server, fault, cause, tmp_path):
    authority = Authority(tmp_path)
    times = {
        "expired": {
            "not_before": datetime(2019, 1, 1, tzinfo=UTC),
            "not_after": datetime(2020, 1, 1, tzinfo=UTC),
        },
        "early": {
            "not_before": datetime(2999, 1, 1, tzinfo=UTC),
            "not_after": datetime(3000, 1, 1, tzinfo=UTC),
        },
    }
    host = "elsewhere.test" if fault == "name" else "127.0.0.1"
    trusted = Authority(tmp_path, "other") if fault == "stranger" else authority
    with server(tls=authority.issue(host, **times.get(fault, {}))) as seen:
        endpoint = f"https://127.0.0.1:{seen.port}"
        reply = sent_to(name, endpoint, otlp_certificate=trusted.file)
    assert reply == Denied(f"cannot connect to {shown(name, endpoint)}: its certificate {cause}")
    assert seen.requests == []


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (
            "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required (_ssl.c:2580)",
            "it wants a client certificate; set otlp_client_certificate",
        ),
        (
            "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:2580)",
            "it does not accept our certificate; check otlp_client_certificate",
        ),
        (
            "SSL_ERROR_SSL: error:10000412:SSL routines:OPENSSL_internal:SSLV3_ALERT_BAD_CERTIFICATE: OK",
            "it does not accept our certificate; check otlp_client_certificate",
        ),
    ],
)
def test_what_a_server_says_of_our_certificate(words, cause):
    trouble = explain(words, is_secure=True)
    assert trouble is not None
    assert trouble.needs_somebody
    assert trouble.after == f": {cause}"


def test_a_certificate_refused_for_a_rare_reason_is_told_with_openssls_words():
    words = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: EE certificate key too weak"
    trouble = explain(words, is_secure=True)
    assert trouble is not None
    assert (trouble.needs_somebody, trouble.wants_details) == (True, True)


# -- the wrong kind of server --------------------------------------------------------------


@pytest.mark.parametrize("is_secure", [False, True])
def test_grpc_to_a_port_for_http(is_secure, tmp_path):
    authority = Authority(tmp_path)
    pair, settings, scheme = None, {}, "http"
    if is_secure:
        pair, settings, scheme = authority.issue("127.0.0.1"), {"otlp_certificate": authority.file}, "https"
    with http_server(tls=pair) as seen:
        reply = sent_to("otlp", f"{scheme}://127.0.0.1:{seen.port}", **settings)
    assert reply == RetryLater(
        f"cannot connect to 127.0.0.1:{seen.port}: it does not speak gRPC; "
        "OTLP over HTTP is sent by the exporter otlp-http"
    )


def test_http_to_a_port_for_grpc():
    with grpc_server() as seen:
        endpoint = f"http://127.0.0.1:{seen.port}"
        reply = sent_to("otlp-http", endpoint)
    assert reply == RetryLater(
        f"cannot connect to {endpoint}: it does not speak HTTP; OTLP over gRPC is sent by the exporter otlp"
    )


# -- words ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("gaierror: [Errno -3] Temporary failure in name resolution", "the name server does not answer"),
        (
            "errors resolving a.test:1: [field:hostname lookup error:address lookup failed for a.test:1: "
            "Could not contact DNS servers]",
            "the name server does not answer",
        ),
        ("Failed to connect to remote host: No route to host", "there is no route to it"),
        ("OSError: [Errno 101] Network is unreachable", "there is no route to it"),
    ],
)
def test_words_of_the_network(words, cause):
    trouble = explain(words, is_secure=False)
    assert trouble is not None
    assert (trouble.before, trouble.after) == ("cannot connect to ", f": {cause}")


def test_what_nobody_has_named_is_left_to_its_own_words():
    assert explain("the moon is in the way", is_secure=False) is None
