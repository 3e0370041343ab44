# SPDX-License-Identifier: Apache-2.0
"""What a receiver answers decides what becomes of a request, over gRPC and over HTTP alike."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from support.faulty_otlp import (
    closed_port,
    deaf_server,
    grpc_server,
    http_server,
    raw_server,
    read_request,
    silent_server,
)
from support.transports import empty_request, endpoint_of, spans_request, transport
from support.waiting import wait_for

from telemetry.exporters.transport import Accepted, Denied, Refused, RetryLater
from telemetry.testing import FaultyReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOCOLS = pytest.mark.parametrize("name", ["otlp", "otlp-http"])
BOTH_SERVERS = pytest.mark.parametrize(
    ("name", "server"), [("otlp", grpc_server), ("otlp-http", lambda body: http_server(200, body))]
)


@pytest.fixture
def receiver() -> Iterator[FaultyReceiver]:
    with FaultyReceiver() as running:
        yield running


@PROTOCOLS
def test_a_request_that_was_taken_is_accepted(receiver, name):
    with transport(name, endpoint_of(receiver, name)) as made:
        assert made.send(spans_request(("a", "b")), 5) == Accepted()
    assert [span.name for span in receiver.spans()] == ["a", "b"]


@PROTOCOLS
@pytest.mark.parametrize("signal", ["metrics", "traces", "logs"])
def test_every_signal_goes_to_its_service(receiver, name, signal):
    with transport(name, endpoint_of(receiver, name)) as made:
        assert made.send(empty_request(signal), 5) == Accepted()
    assert [request.signal for request in receiver.requests()] == [signal]


@PROTOCOLS
def test_a_partial_success_tells_how_many_and_why(receiver, name):
    receiver.reject(2, message="too old")
    with transport(name, endpoint_of(receiver, name)) as made:
        assert made.send(spans_request(("a", "b", "c")), 5) == Accepted(2, "too old")


@BOTH_SERVERS
@pytest.mark.parametrize(
    ("signal", "response", "field"),
    [
        ("metrics", ExportMetricsServiceResponse(), "rejected_data_points"),
        ("traces", ExportTraceServiceResponse(), "rejected_spans"),
        ("logs", ExportLogsServiceResponse(), "rejected_log_records"),
    ],
)
def test_rejected_records_of_every_signal_are_read(name, server, signal, response, field):
    setattr(response.partial_success, field, 3)
    with server(response.SerializeToString()) as seen, transport(name, seen.port) as made:
        assert made.send(empty_request(signal), 5) == Accepted(3)


@BOTH_SERVERS
def test_a_warning_without_rejections_is_passed_on(name, server):
    response = ExportTraceServiceResponse()
    response.partial_success.error_message = "deprecated\nattribute"
    with server(response.SerializeToString()) as seen, transport(name, seen.port) as made:
        assert made.send(spans_request(), 5) == Accepted(0, "deprecated attribute")


@BOTH_SERVERS
def test_a_negative_number_of_rejections_is_none(name, server):
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = -1
    with server(response.SerializeToString()) as seen, transport(name, seen.port) as made:
        assert made.send(spans_request(), 5) == Accepted(0)


@PROTOCOLS
def test_an_answer_that_cannot_be_read_is_no_success_and_loses_nothing(receiver, name):
    receiver.garble()
    with transport(name, endpoint_of(receiver, name)) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, Denied)
    assert "it is no OTLP receiver. Let otlp_endpoint name one" in reply.error


@pytest.mark.parametrize(
    "code", ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
)
def test_grpc_codes_after_which_the_same_request_may_succeed(receiver, code):
    receiver.fail(code=code)
    with transport("otlp", receiver.grpc_endpoint) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, RetryLater)
    assert reply.after_s is None
    assert reply.error.startswith(receiver.grpc_endpoint)


@pytest.mark.parametrize(
    "code",
    [
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "FAILED_PRECONDITION",
        "UNIMPLEMENTED",
        "INTERNAL",
        "RESOURCE_EXHAUSTED",
    ],
)
def test_grpc_codes_after_which_it_never_will(receiver, code):
    receiver.fail(code=code, message="not\x07like this")
    with transport("otlp", receiver.grpc_endpoint) as made:
        reply = made.send(spans_request(), 5)
    assert reply == Refused(f'{receiver.grpc_endpoint} answered {code}: "not like this"')


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE", "ABORTED"])
def test_a_retry_info_makes_the_wait_and_lets_an_exhausted_receiver_be_tried_again(receiver, code):
    receiver.fail(code=code, retry_info=1.5)
    with transport("otlp", receiver.grpc_endpoint) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, RetryLater)
    assert reply.after_s == 1.5


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_http_statuses_after_which_the_same_request_may_succeed(receiver, status):
    receiver.fail(status=status)
    with transport("otlp-http", receiver.http_endpoint) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, RetryLater)
    assert reply.after_s is None
    assert reply.error.startswith(f"{receiver.http_endpoint} answered {status} ")
    assert reply.error.endswith(': "to order"')


@pytest.mark.parametrize("status", [400, 404, 405, 408, 413, 415, 500, 501])
def test_http_statuses_after_which_it_never_will(receiver, status):
    receiver.fail(status=status, message="not like this")
    with transport("otlp-http", receiver.http_endpoint) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, Refused)
    assert f"answered {status} " in reply.error
    assert '"not like this"' in reply.error


def test_a_path_that_the_server_does_not_know_is_told_without_its_web_page():
    page = {"Content-Type": "text/html"}
    with http_server(404, b"<html>gone", page) as seen, transport("otlp-http", seen.port) as made:
        reply = made.send(spans_request(), 5)
    endpoint = f"http://127.0.0.1:{seen.port}"
    assert reply == Refused(f"{endpoint} answered 404 Not Found; check the path in otlp_endpoint")


def test_a_servers_own_deadline_is_not_taken_for_ours(receiver):
    receiver.fail(code="DEADLINE_EXCEEDED", message="the store was slow")
    with transport("otlp", receiver.grpc_endpoint) as made:
        reply = made.send(spans_request(), 5)
    words = f'{receiver.grpc_endpoint} answered DEADLINE_EXCEEDED: "the store was slow"'
    assert reply == RetryLater(words)


@pytest.mark.parametrize(("status", "code"), [(401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED")])
@PROTOCOLS
def test_credentials_that_are_not_accepted_are_denied(receiver, name, status, code):
    receiver.fail(status=status, code=code, message="no such key")
    with transport(name, endpoint_of(receiver, name)) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, Denied)
    assert reply.error.endswith(': "no such key"; check otlp_token and otlp_headers')


def test_retry_after_in_seconds_is_passed_on(receiver):
    receiver.fail(status=503, retry_after=7)
    with transport("otlp-http", receiver.http_endpoint) as made:
        assert made.send(spans_request(), 5).after_s == 7


def test_retry_after_as_a_date_is_passed_on(receiver):
    receiver.fail(status=429, retry_after=datetime.now(UTC) + timedelta(seconds=60))
    with transport("otlp-http", receiver.http_endpoint) as made:
        assert 50 < made.send(spans_request(), 5).after_s <= 60


def test_retry_info_in_an_http_status_is_passed_on(receiver):
    receiver.fail(status=503, retry_info=2.5)
    with transport("otlp-http", receiver.http_endpoint) as made:
        assert made.send(spans_request(), 5).after_s == 2.5


def test_the_longer_one_of_two_waits_counts(receiver):
    receiver.fail(status=503, retry_info=2.5, retry_after=4)
    with transport("otlp-http", receiver.http_endpoint) as made:
        assert made.send(spans_request(), 5).after_s == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_refused_and_names_where_to_without_its_secrets(receiver, status):
    receiver.redirect("https://user:pass@b.test:4318/base/v1/traces?key=s3cret#x", status=status)
    with transport("otlp-http", receiver.http_endpoint) as made:
        reply = made.send(spans_request(), 5)
    assert reply == Refused(
        f"{receiver.http_endpoint} answered {status}, a redirection to https://b.test:4318/base/v1/traces, "
        "which OTLP does not follow: let otlp_endpoint name the address that takes the data"
    )
    assert len(receiver.requests()) == 1


@PROTOCOLS
def test_a_text_never_shows_what_the_settings_keep_secret(receiver, name):
    receiver.fail(status=400, message="bad key s3cret-key of 123:glc_token, Basic MTIzOmdsY190b2tlbg==")
    with transport(
        name,
        endpoint_of(receiver, name),
        otlp_headers="api-key=s3cret-key",
        otlp_user="123",
        otlp_token="glc_token",
    ) as made:
        error = made.send(spans_request(), 5).error
    assert "bad key **** of 123:****, ****" in error
    assert "s3cret-key" not in error


@PROTOCOLS
def test_long_words_of_a_server_are_cut(receiver, name):
    receiver.fail(status=400, message="x" * 3_000)
    with transport(name, endpoint_of(receiver, name)) as made:
        assert len(made.send(spans_request(), 5).error) < 700


@PROTOCOLS
def test_nobody_listening_may_change(name):
    with transport(name, closed_port()) as made:
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, RetryLater)
    assert "refused" in reply.error.lower()


@PROTOCOLS
@pytest.mark.parametrize("server", [silent_server, deaf_server])
def test_a_receiver_that_says_nothing_costs_the_time_given_and_no_more(name, server):
    with server() as port, transport(name, port) as made:
        started = time.monotonic()
        reply = made.send(spans_request(), 0.3)
        assert time.monotonic() - started < 5
    assert isinstance(reply, RetryLater)
    assert reply.is_unanswered
    assert "did not answer within 0.3 s" in reply.error


@PROTOCOLS
def test_a_broken_connection_may_be_whole_the_next_time(receiver, name):
    receiver.reset(times=1)
    with transport(name, endpoint_of(receiver, name)) as made:
        assert isinstance(made.send(spans_request(), 5), RetryLater)
        wait_for(lambda: made.send(spans_request(), 5) == Accepted(), 5, "a new connection")


@PROTOCOLS
def test_every_attempt_sends_the_same_bytes_with_the_same_key(receiver, name):
    receiver.fail(times=2, status=503)
    request = spans_request(("a", "b"))
    with transport(name, endpoint_of(receiver, name)) as made:
        for _ in range(3):
            made.send(request, 5)
    keys = {attempt.headers["idempotency-key"] for attempt in receiver.requests()}
    assert keys == {request.batch_id}
    assert len(receiver.requests()) == 3
    assert len({attempt.sha256 for attempt in receiver.requests()}) == 1


def test_compressed_bodies_are_the_same_at_every_attempt_on_the_wire():
    bodies: list[bytes] = []

    def keep(connection) -> None:
        bodies.append(read_request(connection).partition(b"\r\n\r\n")[2])

    request = spans_request(("a" * 1_000,))
    with raw_server(keep) as port, transport("otlp-http", port) as made:
        made.send(request, 5)
        time.sleep(1.1)  # gzip's usual header holds the second
        made.send(request, 5)
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert len(bodies[0]) < 500


@PROTOCOLS
def test_closing_cuts_a_running_attempt_short(name):
    with silent_server() as port, transport(name, port) as made:
        replies: list[object] = []
        thread = threading.Thread(target=lambda: replies.append(made.send(spans_request(), 30)))
        thread.start()
        wait_for(lambda: made._line is not None if name == "otlp" else made._running, what="the attempt")
        started = time.monotonic()
        time.sleep(0.05)
        made.close()
        thread.join(10)
        assert time.monotonic() - started < 5
    (reply,) = replies
    assert isinstance(reply, RetryLater)
    assert reply.is_unanswered
    assert reply.error.endswith(f"127.0.0.1:{port} had not answered when the attempt was cut short")


@PROTOCOLS
def test_after_closing_nothing_is_sent(receiver, name):
    with transport(name, endpoint_of(receiver, name)) as made:
        made.close()
        made.close()
        reply = made.send(spans_request(), 5)
    assert isinstance(reply, RetryLater)
    assert "the exporter is shut down" in reply.error
    assert receiver.requests() == []


@PROTOCOLS
def test_threads_share_a_transport(receiver, name):
    with transport(name, endpoint_of(receiver, name)) as made:
        replies: list[object] = []
        start = threading.Barrier(6)

        def send(number: int) -> None:
            start.wait(10)
            replies.extend(made.send(spans_request((f"{number}",)), 5) for _ in range(10))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert replies == [Accepted()] * 60
