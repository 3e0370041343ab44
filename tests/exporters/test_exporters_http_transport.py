# SPDX-License-Identifier: Apache-2.0
"""What is HTTP's own: the answer's body, connections, proxies, redirections, certificates."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status
from support.faulty_otlp import (
    Authority,
    closed_port,
    connect_proxy,
    http_server,
    raw_server,
    read_request,
    reset,
    tls_server,
)
from support.transports import empty_request, spans_request, transport

from telemetry.config import load_config
from telemetry.exporters.answers import Speech
from telemetry.exporters.http_attempt import Attempt
from telemetry.exporters.http_replies import Answer, reply_of
from telemetry.exporters.http_transport import HttpTransport
from telemetry.exporters.transport import Accepted, Denied, Refused, RetryLater

if TYPE_CHECKING:
    from support.tls import Certificates

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def answer(status: int, body: bytes = b"", **headers: str) -> Any:
    speech = Speech("https://r", load_config("s", "1", exporter="otlp-http"))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply_of("traces", Answer(status, "", named, body), speech, lambda: 1_700_000_000.0)


def sent_to(endpoint: str | int, timeout_s: float = 5, name: str = "work", **settings: Any) -> Any:
    with transport("otlp-http", endpoint, **settings) as made:
        return made.send(spans_request((name,)), timeout_s)


# -- the answer's body ---------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_is_one(status):
    assert answer(status) == Accepted()


def test_json_is_understood_whatever_was_asked_for():
    body = json.dumps({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "old"}}).encode()
    assert answer(200, body, content_type="application/json; charset=utf-8") == Accepted(2, "old")
    assert answer(200, b"{}", content_type="application/json") == Accepted()


@pytest.mark.parametrize(
    "body", [b"[]", b"nonsense", b'{"partialSuccess": {"rejectedSpans": "many"}}', b"\xff"]
)
def test_json_of_another_kind_is_no_success(body):
    assert isinstance(answer(200, body, content_type="application/json"), Denied)


def test_a_page_for_people_is_no_success():
    assert answer(200, b"<html>Log in</html>", content_type="text/html; charset=utf-8") == Denied(
        "https://r says that it took the request but answered with content of the type text/html: "
        "it is no OTLP receiver. Let otlp_endpoint name one"
    )


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        (Status(message="in protobuf").SerializeToString(), "application/x-protobuf", ': "in protobuf"'),
        (b"\xff\xff", "application/x-protobuf", ""),
        (b'{"message": "in JSON"}', "application/json", ': "in JSON"'),
        (b'{"error": "other"}', "application/json", ': "{"error": "other"}"'),
        (b"in text", "text/plain", ': "in text"'),
        (b"", "text/plain", ""),
    ],
)
def test_what_a_server_says_about_a_failure_is_shown(body, kind, shown):
    assert answer(400, body, content_type=kind) == Refused(f"https://r answered 400{shown}")


@pytest.mark.parametrize(
    ("value", "after_s"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("١", None),
        ("", None),
        ("99999999999999999999", 999_999_999),
    ],
)
def test_every_form_of_retry_after(value, after_s):
    assert answer(503, retry_after=value).after_s == after_s


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("", ""),
        ("/v2/traces?key=x", " to /v2/traces"),
        ("https://[bad", " to an address that is none"),
    ],
)
def test_redirections_to_anywhere(location, shown):
    assert f"a redirection{shown}, which OTLP" in answer(302, location=location).error


def test_a_good_answer_that_never_ends_is_no_success():
    with http_server(200, b"x" * 1_100_000) as seen, transport("otlp-http", seen.port) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, Denied)
    assert "with more than 1048576 bytes" in reply.error


def test_a_bad_answer_that_never_ends_is_cut():
    with http_server(400, b"x" * 1_100_000, {"Content-Type": "text/plain"}) as seen:
        reply = sent_to(seen.port)
    assert isinstance(reply, Refused)


def test_a_good_answer_that_breaks_off_is_no_success():
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\nab"
    with (
        raw_server(lambda c: (read_request(c), c.sendall(head))) as port,
        transport("otlp-http", port) as made,
    ):
        assert isinstance(made.send(spans_request(), 5), RetryLater)


def test_a_bad_answer_that_breaks_off_says_enough():
    head = b"HTTP/1.1 400 No\r\nContent-Length: 9\r\n\r\nab"
    with (
        raw_server(lambda c: (read_request(c), c.sendall(head))) as port,
        transport("otlp-http", port) as made,
    ):
        assert isinstance(made.send(spans_request(), 5), Refused)


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"]
)
def test_a_server_that_drips_costs_the_time_given_and_no_more(said):
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(said)
        while True:
            connection.sendall(b"a")
            time.sleep(0.05)

    with raw_server(drip) as port, transport("otlp-http", port) as made:
        started = time.monotonic()
        reply = made.send(spans_request(), 0.5)
        assert time.monotonic() - started < 5
    assert reply == RetryLater(f"http://127.0.0.1:{port} did not answer within 0.5 s", is_unanswered=True)


def test_a_server_that_does_not_read_costs_the_time_given_and_no_more():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        reply = sent_to(int(listener.getsockname()[1]), 0.5, "x" * 20_000_000, otlp_compression="none")
        assert time.monotonic() - started < 5
    assert isinstance(reply, RetryLater)


def test_a_server_that_reads_slowly_costs_the_time_given_and_no_more():
    is_over = threading.Event()

    def sip(connection: socket.socket) -> None:
        while connection.recv(16_384) and not is_over.wait(0.05):
            pass

    with raw_server(sip) as port:
        started = time.monotonic()
        reply = sent_to(port, 0.5, "x" * 20_000_000, otlp_compression="none")
        assert time.monotonic() - started < 5
        is_over.set()  # else it would sip for minutes
    assert isinstance(reply, RetryLater)


# -- requests ------------------------------------------------------------------------------


def test_each_signal_has_its_path_below_the_base():
    with http_server() as seen, transport("otlp-http", f"http://127.0.0.1:{seen.port}/base/") as made:
        for signal in ("metrics", "traces", "logs"):
            made.send(empty_request(signal), 5)
    assert [path for path, _, _ in seen.requests] == ["/base/v1/metrics", "/base/v1/traces", "/base/v1/logs"]


def test_the_headers_of_a_request():
    with http_server() as seen, transport("otlp-http", seen.port, otlp_headers={"x-tenant": "acme"}) as made:
        request = spans_request()
        made.send(request, 5)
    ((_, headers, _),) = seen.requests
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["content-encoding"] == "gzip"
    assert headers["x-tenant"] == "acme"
    assert headers["idempotency-key"] == request.batch_id
    assert headers["user-agent"].startswith("kairos-telemetry/")


def test_the_settings_user_agent_goes_before_ours():
    with (
        http_server() as seen,
        transport("otlp-http", seen.port, otlp_headers={"User-Agent": "mine"}) as made,
    ):
        made.send(spans_request(), 5)
    assert seen.requests[0][1]["user-agent"] == "mine"


def test_without_compression_the_stored_bytes_are_sent():
    with http_server() as seen, transport("otlp-http", seen.port, otlp_compression="none") as made:
        request = spans_request()
        made.send(request, 5)
    ((_, headers, body),) = seen.requests
    assert "content-encoding" not in headers
    assert body == request.body


def test_a_cookie_is_not_kept():
    with http_server(headers={"Set-Cookie": "a=b"}) as seen, transport("otlp-http", seen.port) as made:
        for _ in range(2):
            made.send(spans_request(), 5)
    assert not any("cookie" in headers for _, headers, _ in seen.requests)


# -- connections ---------------------------------------------------------------------------


def test_connections_are_used_again():
    opened: list[None] = []

    def serve(connection: socket.socket) -> None:
        opened.append(None)
        for _ in range(3):
            read_request(connection)
            connection.sendall(OK)

    with raw_server(serve) as port, transport("otlp-http", port) as made:
        assert [made.send(spans_request(), 5) for _ in range(3)] == [Accepted()] * 3
    assert len(opened) == 1


def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced():
    with raw_server(lambda c: (read_request(c), c.sendall(OK))) as port, transport("otlp-http", port) as made:
        for _ in range(3):
            assert made.send(spans_request(), 5) == Accepted()
            time.sleep(0.05)  # for the server to close it


def test_a_reset_is_worth_another_attempt():
    with raw_server(lambda c: (read_request(c), reset(c))) as port, transport("otlp-http", port) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, RetryLater)


def test_an_attempt_that_was_cut_before_it_had_a_connection_ends_when_it_gets_one():
    attempt = Attempt(10)
    attempt.cut()
    with socket.socket() as connection, pytest.raises(ConnectionAbortedError, match="cut short"):
        attempt.hold(connection)


def test_an_attempt_without_time_left_is_over():
    with pytest.raises(TimeoutError, match="the time for the attempt is over"):
        Attempt(0).left_s()
    with transport("otlp-http", closed_port()) as made:
        assert "did not answer within 0 s" in made.send(spans_request(), 0).error


def test_closing_during_the_opening_of_a_session_leaves_none(monkeypatch):
    from telemetry.exporters import http_session

    closed: list[str] = []

    class Session(http_session.PinnedSession):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.close()

        def close(self) -> None:
            closed.append("session")
            super().close()

    monkeypatch.setattr(http_session, "PinnedSession", Session)
    made = HttpTransport(load_config("s", "1", exporter="otlp-http"))
    assert "shut down" in made.send(spans_request(), 5).error
    assert closed == ["session"]


# -- certificates and proxies --------------------------------------------------------------


def test_a_server_of_a_strange_authority_is_denied_and_gets_nothing(tmp_path):
    got: list[bytes] = []
    with tls_server(Authority(tmp_path), lambda c: got.append(c.recv(10))) as port:
        other = Authority(tmp_path, "other").file
        with transport("otlp-http", f"https://127.0.0.1:{port}", otlp_certificate=other) as made:
            reply = made.send(spans_request(), 5)
    assert isinstance(reply, Denied)
    assert "its certificate is not trusted" in reply.error
    assert got == []


def test_a_server_that_wants_our_certificate_gets_nothing_without_and_it_is_tried_again(tmp_path):
    authority = Authority(tmp_path)
    with http_server(tls=authority.issue("127.0.0.1"), client_ca=authority.file) as seen:
        reply = sent_to(f"https://127.0.0.1:{seen.port}", otlp_certificate=authority.file)
    # TLS 1.3 tells a client only after it has begun to send: often it sees no more than a broken connection.
    assert isinstance(reply, Denied | RetryLater)
    assert seen.requests == []


def test_a_server_that_trusts_our_certificate_takes_the_data(tmp_path):
    authority = Authority(tmp_path)
    client = authority.issue("client.test", file="client")
    with http_server(tls=authority.issue("127.0.0.1"), client_ca=authority.file) as seen:
        reply = sent_to(
            f"https://127.0.0.1:{seen.port}",
            otlp_certificate=authority.file,
            otlp_client_certificate=client.certificate,
            otlp_client_key=client.key,
        )
    assert reply == Accepted()


def test_a_refused_certificate_of_ours_is_denied():
    reason = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] alert")
    reason.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    made = HttpTransport(load_config("s", "1", exporter="otlp-http"))
    assert isinstance(made._failed(reason, 5), Denied)


def test_a_certificate_that_vanished_is_denied(certificates: Certificates, tmp_path):
    copy = tmp_path / "ca.pem"
    copy.write_bytes(certificates.authority.read_bytes())
    with transport("otlp-http", "https://127.0.0.1:1", otlp_certificate=copy) as made:
        copy.unlink()
        assert isinstance(made.send(spans_request(), 5), Denied)


def test_a_server_without_tls_may_get_it(tmp_path):
    with http_server() as seen:
        assert isinstance(sent_to(f"https://127.0.0.1:{seen.port}"), RetryLater)


def test_a_proxy_is_used_for_plain_text_and_for_tls(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("NO_PROXY", "")
    with (
        http_server() as plain,
        http_server(tls=authority.issue("127.0.0.1")) as encrypted,
        connect_proxy() as proxy,
    ):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with transport("otlp-http", f"http://127.0.0.1:{plain.port}") as made:
            assert made.send(spans_request(), 5) == Accepted()
        secure = f"https://127.0.0.1:{encrypted.port}"
        with transport("otlp-http", secure, otlp_certificate=authority.file) as made:
            assert made.send(spans_request(), 5) == Accepted()
    lines = [line for line, _, _ in proxy.requests]
    assert lines[0].startswith(f"POST http://127.0.0.1:{plain.port}/v1/traces ")
    assert lines[1].startswith(f"CONNECT 127.0.0.1:{encrypted.port} ")


def test_a_proxy_that_wants_a_password_denies(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "")
    with connect_proxy(wanted_login="secret") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:wrongpass@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://user:wrongpass@127.0.0.1:{proxy.port}")
        for endpoint in ("https://127.0.0.1:1", "http://127.0.0.1:1"):
            with transport("otlp-http", endpoint) as made:
                reply = made.send(spans_request(), 5)
            assert isinstance(reply, Denied)
            assert "wrongpass" not in reply.error


# -- forked children -----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_session_dropped_in_a_child_leaves_the_parents_connection_alone():
    opened: list[None] = []
    sent = threading.Event()

    def serve(connection: socket.socket) -> None:
        opened.append(None)
        for _ in range(2):
            read_request(connection)
            connection.sendall(OK)
            sent.set()

    with raw_server(serve) as port, transport("otlp-http", port) as made:
        assert made.send(spans_request(), 5) == Accepted()
        child = os.fork()
        if child == 0:
            made._session = None  # dropped, not closed: garbage
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert made.send(spans_request(), 5) == Accepted()
    assert len(opened) == 1
