# SPDX-License-Identifier: Apache-2.0
"""What is gRPC's own: the channel, its connections, metadata, certificates."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.faulty_otlp import Authority, grpc_server, raw_server, silent_server
from support.ports import free_port
from support.rotel import Rotel
from support.transports import spans_request, transport
from support.waiting import wait_for

from telemetry.config import load_config
from telemetry.exporters import grpc_credentials, grpc_transport
from telemetry.exporters.grpc_transport import GrpcTransport
from telemetry.exporters.transport import Accepted, Denied, Refused, RetryLater
from telemetry.testing import FaultyReceiver

if TYPE_CHECKING:
    import grpc
    from support.tls import Certificates


def sent_to(endpoint: str | int, timeout_s: float = 5, **settings: Any) -> Any:
    with transport("otlp", endpoint, **settings) as made:
        return made.send(spans_request(), timeout_s)


# -- requests ------------------------------------------------------------------------------


def test_the_metadata_of_a_request():
    request = spans_request()
    settings = {"otlp_headers": {"X-Tenant": "acme", "User-Agent": "mine"}}
    with grpc_server() as seen, transport("otlp", seen.port, **settings) as made:
        assert made.send(request, 5) == Accepted()
    ((_, headers, body),) = seen.requests
    assert headers["x-tenant"] == "acme"
    assert headers["idempotency-key"] == request.batch_id
    assert headers["user-agent"].startswith("mine grpc-python/")
    assert body == request.body


def test_our_name_stands_in_the_user_agent():
    with grpc_server() as seen:
        sent_to(seen.port)
    assert seen.requests[0][1]["user-agent"].startswith("kairos-telemetry/")


def test_an_answer_over_the_limit_is_refused():
    with grpc_server(b"x" * 5_000_000) as seen:
        reply = sent_to(seen.port)
    assert isinstance(reply, Refused)
    assert "larger than max" in reply.error


def test_damaged_details_leave_the_decision_to_the_code():
    assert grpc_transport._pause(b"\xff") is None


def test_a_server_of_another_protocol_may_be_replaced_by_a_right_one():
    with raw_server(lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert isinstance(sent_to(port), RetryLater)


# -- connections ---------------------------------------------------------------------------


def test_one_channel_serves_all_requests():
    made: list[grpc.Channel] = []

    def connect(config: Any) -> grpc.Channel:
        made.append(grpc_transport._connect(config))
        return made[-1]

    with grpc_server() as seen:
        config = load_config("s", "1", exporter="otlp", otlp_endpoint=f"127.0.0.1:{seen.port}")
        sender = GrpcTransport(config, connect)
        assert [sender.send(spans_request(), 5) for _ in range(3)] == [Accepted()] * 3
        sender.close()
    assert len(made) == 1


def test_after_a_time_out_the_next_attempt_gets_a_connection_of_its_own():
    with silent_server() as port, transport("otlp", port) as made:
        made.send(spans_request(), 0.2)
        assert made._line is None


def test_a_line_that_others_still_use_is_closed_by_the_last_of_them():
    closed: list[int] = []

    class Channel:
        def __init__(self) -> None:
            self.number = len(channels)
            channels.append(self)

        def unary_unary(self, path: str, *serializers: Any) -> Any:
            return lambda *args, **kwargs: b""

        def close(self) -> None:
            closed.append(self.number)

    channels: list[Channel] = []
    made = GrpcTransport(load_config("s", "1", exporter="otlp"), lambda config: Channel())
    first, again = made._take(), made._take()
    assert first is again
    made._replace(first)
    made._replace(first)  # by another attempt that timed out on it
    assert made._take() is not first
    made._replace(first)
    made._give_back(first)
    assert closed == []
    made._give_back(again)
    assert closed == [0]


def test_two_first_requests_at_once_share_one_channel():
    both, made = threading.Barrier(2, timeout=10), []

    def connect(config: Any) -> grpc.Channel:
        channel = grpc_transport._connect(config)
        made.append(channel)
        both.wait()
        return channel

    with grpc_server() as seen:
        config = load_config("s", "1", exporter="otlp", otlp_endpoint=f"127.0.0.1:{seen.port}")
        sender = GrpcTransport(config, connect)
        replies: list[Any] = []
        threads = [
            threading.Thread(target=lambda: replies.append(sender.send(spans_request(), 5))) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert replies == [Accepted(), Accepted()]
        assert sender._line.channel in made
        sender.close()
    assert len(made) == 2


def test_closing_while_a_channel_is_opened_leaves_none():
    def connect(config: Any) -> grpc.Channel:
        sender.close()
        return grpc_transport._connect(config)

    sender = GrpcTransport(load_config("s", "1", exporter="otlp"), connect)
    assert "shut down" in sender.send(spans_request(), 5).error
    assert sender._line is None


def test_an_attempt_on_a_channel_that_was_closed_beneath_it_may_be_repeated():
    with grpc_server() as seen, transport("otlp", seen.port) as made:
        assert made.send(spans_request(), 5) == Accepted()
        made._line.channel.close()
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, RetryLater)
    assert "closed channel" in reply.error


def test_the_first_attempt_after_an_outage_delivers():
    with FaultyReceiver() as receiver, transport("otlp", receiver.grpc_endpoint) as made:
        assert made.send(spans_request(), 5) == Accepted()
        receiver.refuse()
        for _ in range(8):  # enough for gRPC to lengthen its own pauses
            assert isinstance(made.send(spans_request(), 1), RetryLater)
        receiver.accept()
        assert made.send(spans_request(), 5) == Accepted()


def test_the_first_attempt_after_a_name_became_known_is_a_new_one():
    with transport("otlp", "receiver.invalid:4317") as made:
        assert isinstance(made.send(spans_request(), 5), RetryLater)
        assert made._line is None


def test_an_answer_keeps_its_connection():
    with FaultyReceiver() as receiver, transport("otlp", receiver.grpc_endpoint) as made:
        receiver.fail(code="UNAVAILABLE")
        assert isinstance(made.send(spans_request(), 5), RetryLater)
        assert made._line is not None


def test_delivery_resumes_soon_after_a_collector_was_killed_and_restarted():
    port = free_port()
    with Rotel(grpc_port=port), transport("otlp", port) as made:
        assert made.send(spans_request(("before",)), 5) == Accepted()
    with transport("otlp", port) as made:
        with Rotel(grpc_port=port) as receiver:
            assert made.send(spans_request(("first",)), 5) == Accepted()
            receiver._process.kill()
            receiver._process.wait(10)
            assert isinstance(made.send(spans_request(), 1), RetryLater)
        with Rotel(grpc_port=port) as receiver:
            wait_for(lambda: made.send(spans_request(("again",)), 1) == Accepted(), 3, "a delivery")
            assert "again" in receiver.wait_for(lambda got: got.spans).span_names


# -- certificates --------------------------------------------------------------------------


def test_a_server_of_a_strange_authority_is_denied_and_gets_nothing(tmp_path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    with grpc_server(tls=authority.issue("127.0.0.1")) as seen:
        reply = sent_to(f"https://127.0.0.1:{seen.port}", otlp_certificate=other.file)
    assert isinstance(reply, Denied)
    assert "its certificate is not trusted" in reply.error
    assert seen.requests == []


def test_a_server_of_another_name_is_denied(tmp_path):
    authority = Authority(tmp_path)
    with grpc_server(tls=authority.issue("receiver.test")) as seen:
        reply = sent_to(f"https://127.0.0.1:{seen.port}", otlp_certificate=authority.file)
    assert isinstance(reply, Denied)


def test_mutual_tls_works_with_our_certificate_and_is_tried_again_without(tmp_path):
    authority = Authority(tmp_path)
    client = authority.issue("client.test", file="client")
    with grpc_server(tls=authority.issue("127.0.0.1"), client_ca=authority.file) as seen:
        endpoint = f"https://127.0.0.1:{seen.port}"
        assert isinstance(sent_to(endpoint, otlp_certificate=authority.file), Denied | RetryLater)
        assert seen.requests == []
        assert (
            sent_to(
                endpoint,
                otlp_certificate=authority.file,
                otlp_client_certificate=client.certificate,
                otlp_client_key=client.key,
            )
            == Accepted()
        )


def test_a_certificate_that_vanished_is_denied_until_it_is_back(certificates: Certificates, tmp_path):
    copy = tmp_path / "ca.pem"
    copy.write_bytes(certificates.authority.read_bytes())
    with transport("otlp", "https://127.0.0.1:1", otlp_certificate=copy) as made:
        copy.unlink()
        reply = made.send(spans_request(), 1)
        assert isinstance(reply, Denied)
        assert "No such file or directory" in reply.error
        copy.write_bytes(certificates.authority.read_bytes())
        assert isinstance(made.send(spans_request(), 1), RetryLater)


def test_grpcs_own_variable_for_authorities_is_left_to_grpc(certificates: Certificates, monkeypatch):
    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(certificates.authority))
    monkeypatch.setattr(
        grpc_credentials, "system_roots", lambda: pytest.fail("looked for the machine's list")
    )
    config = load_config("svc", "1", exporter="otlp", otlp_endpoint="https://localhost:4317")
    assert grpc_credentials.credentials(config) is not None
