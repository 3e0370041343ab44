# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import gzip
import http.client
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from support.ports import is_listening
from support.waiting import wait_for

import telemetry
from telemetry.testing import FaultyReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = {
    "traces": "trace.v1.TraceService",
    "metrics": "metrics.v1.MetricsService",
    "logs": "logs.v1.LogsService",
}
RESPONSE = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}
PROTOCOLS = ["grpc", "http"]
DELTA, CUMULATIVE = 1, 2


class Answer(NamedTuple):
    """What a sender sees: the outcome's name, the body, headers or trailers."""

    outcome: str
    body: bytes = b""
    headers: dict[str, object] = {}  # noqa: RUF012  # never changed


def spans(*numbers: int) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "s"
    scope = group.scope_spans.add()
    scope.scope.name = "tests"
    for number in numbers:
        span = scope.spans.add(trace_id=b"t" * 16, span_id=number.to_bytes(8), name=f"span {number}")
        span.status.code = 2
    return request.SerializeToString()


def logs(*bodies: str) -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for body in bodies:
        record = scope.log_records.add(time_unix_nano=1, severity_text="INFO")
        record.body.string_value = body
        listed = record.attributes.add(key="list").value.array_value
        listed.values.add().int_value = 1
        listed.values.add()
        record.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.bool_value = True
    return request.SerializeToString()


def sums(
    *values: float,
    temporality: int = DELTA,
    instance: str = "a",
    start: int = 1,
    at: int = 2,
    label: str = "x",
) -> bytes:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.add(key="service.instance.id").value.string_value = instance
    metric = group.scope_metrics.add().metrics.add(name="calls")
    metric.sum.aggregation_temporality = temporality
    for number, value in enumerate(values):
        point = metric.sum.data_points.add(
            start_time_unix_nano=start, time_unix_nano=at + number, as_double=value
        )
        point.attributes.add(key="label").value.string_value = label
    return request.SerializeToString()


def over_grpc(receiver: FaultyReceiver, signal: str, body: bytes, timeout_s: float) -> Answer:
    # Else the next channel may be given the connection of this one, before gRPC has seen that it broke.
    own = (("grpc.use_local_subchannel_pool", 1),)
    with grpc.insecure_channel(receiver.grpc_endpoint, own) as channel:
        call = channel.unary_unary(f"/opentelemetry.proto.collector.{SERVICE[signal]}/Export")
        try:
            return Answer("OK", call(body, timeout=timeout_s, metadata=(("x-test-bin", b"\x01"),)))
        except grpc.RpcError as error:
            return Answer(error.code().name, error.details().encode(), dict(error.trailing_metadata() or ()))


def over_http(receiver: FaultyReceiver, signal: str, body: bytes, timeout_s: float) -> Answer:
    with contextlib.closing(
        http.client.HTTPConnection(receiver.http_endpoint.removeprefix("http://"), timeout=timeout_s)
    ) as client:
        headers = {"Content-Type": "application/x-protobuf", "Idempotency-Key": "k"}
        try:
            client.request("POST", f"/v1/{signal}", body, headers)
            answer = client.getresponse()
            return Answer(
                "OK" if answer.status == 200 else str(answer.status), answer.read(), dict(answer.headers)
            )
        except (OSError, http.client.HTTPException) as error:
            return Answer("DEADLINE_EXCEEDED" if isinstance(error, TimeoutError) else "UNAVAILABLE")


SEND = {"grpc": over_grpc, "http": over_http}


def send(
    receiver: FaultyReceiver, protocol: str, body: bytes, signal: str = "traces", timeout_s: float = 10
) -> Answer:
    return SEND[protocol](receiver, signal, body, timeout_s)


@pytest.fixture
def receiver() -> Iterator[FaultyReceiver]:
    with FaultyReceiver() as receiver:
        yield receiver


both_protocols = pytest.mark.parametrize("protocol", PROTOCOLS)


@both_protocols
@pytest.mark.parametrize(
    ("signal", "body"), [("traces", spans(1, 2)), ("logs", logs("a", "b")), ("metrics", sums(1, 2))]
)
def test_records_of_every_signal_are_counted_once(receiver, protocol, signal, body):
    for _ in range(2):
        assert send(receiver, protocol, body, signal).outcome == "OK"

    assert (receiver.delivered(signal), receiver.duplicated(signal)) == (2, 2)
    assert receiver.repetitions(signal) == [*receiver.spans(), *receiver.logs(), *receiver.points()]


def test_spans_logs_and_points_are_given_as_plain_values(receiver):
    send(receiver, "grpc", spans(1))
    send(receiver, "grpc", logs("hello"), "logs")
    send(receiver, "http", sums(3), "metrics")

    (span,), (log,), (point,) = receiver.spans(), receiver.logs(), receiver.points()
    assert (span.name, span.span_id, span.is_error, span.resource, span.scope) == (
        "span 1", "0000000000000001", True, {"service.name": "s"}, "tests",
    )  # fmt: skip
    assert (log.body, log.severity, log.attributes) == (
        "hello",
        "INFO",
        {"list": [1, None], "map": {"k": True}},
    )
    assert (point.name, point.value, point.is_sum, point.is_delta) == ("calls", 3.0, True, True)


def test_requests_tell_headers_size_hash_and_answer(receiver):
    receiver.fail(times=1)
    for _ in range(2):
        send(receiver, "http", spans(1))
    send(receiver, "grpc", spans(2))

    first, second, third = receiver.requests("traces")
    assert first.headers["idempotency-key"] == "k"
    assert third.headers["x-test-bin"] == "\x01"
    assert (first.sha256, first.size) == (second.sha256, len(spans(1)))
    assert [(each.answer, each.is_stored, each.records) for each in (first, second)] == [
        ("failed", False, 1), ("accepted", True, 1),
    ]  # fmt: skip
    assert receiver.requests("logs") == []


@both_protocols
def test_a_failure_lasts_for_so_many_requests(receiver, protocol):
    receiver.fail(times=2, status=503)

    outcomes = [send(receiver, protocol, spans(1)).outcome for _ in range(3)]

    assert outcomes == [{"grpc": "UNAVAILABLE", "http": "503"}[protocol]] * 2 + ["OK"]
    assert receiver.delivered("traces") == 1


@both_protocols
def test_a_failure_without_end_lasts_until_it_is_healed(receiver, protocol):
    receiver.fail(status=401, code="UNAUTHENTICATED")
    denied = send(receiver, protocol, spans(1)).outcome
    receiver.heal()

    assert denied == {"grpc": "UNAUTHENTICATED", "http": "401"}[protocol]
    assert send(receiver, protocol, spans(1)).outcome == "OK"


def test_a_failure_of_one_signal_leaves_the_others_alone(receiver):
    receiver.fail(signal="logs", status=400)

    assert send(receiver, "grpc", spans(1)).outcome == "OK"
    assert send(receiver, "grpc", logs("a"), "logs").outcome == "INVALID_ARGUMENT"


@both_protocols
def test_retry_info_stands_in_the_details(receiver, protocol):
    receiver.fail(times=1, status=429, retry_info=1.5)

    answer = send(receiver, protocol, spans(1))

    status = Status.FromString(
        answer.headers["grpc-status-details-bin"] if protocol == "grpc" else answer.body
    )
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    assert info.retry_delay.ToTimedelta().total_seconds() == 1.5


@pytest.mark.parametrize(
    ("given", "header"), [(2, "2"), (datetime(2030, 1, 2, tzinfo=UTC), "Wed, 02 Jan 2030 00:00:00 GMT")]
)
def test_retry_after_is_told_in_seconds_or_as_a_date(receiver, given, header):
    receiver.fail(times=1, retry_after=given)

    assert send(receiver, "http", spans(1)).headers["Retry-After"] == header


def test_retry_after_in_seconds_is_retry_info_over_grpc(receiver):
    receiver.fail(times=1, retry_after=2)

    details = send(receiver, "grpc", spans(1)).headers["grpc-status-details-bin"]

    assert b"google.rpc.RetryInfo" in details


@both_protocols
def test_a_failed_request_may_be_stored_all_the_same(receiver, protocol):
    receiver.fail(times=1, is_stored=True)
    send(receiver, protocol, spans(1))
    send(receiver, protocol, spans(1))

    assert (receiver.delivered("traces"), receiver.duplicated("traces")) == (1, 1)


@both_protocols
@pytest.mark.parametrize("is_stored", [False, True])
def test_a_reset_breaks_the_connection_before_or_after_storing(receiver, protocol, is_stored):
    receiver.reset(times=1, is_stored=is_stored)

    assert send(receiver, protocol, spans(1)).outcome == "UNAVAILABLE"
    assert receiver.delivered("traces") == int(is_stored)
    assert send(receiver, protocol, spans(1)).outcome == "OK"


@both_protocols
def test_a_hanging_request_is_never_answered(receiver, protocol):
    receiver.hang(times=1)

    assert send(receiver, protocol, spans(1), timeout_s=0.2).outcome == "DEADLINE_EXCEEDED"
    assert [request.answer for request in receiver.requests()] == ["hung"]
    assert send(receiver, protocol, spans(1)).outcome == "OK"


@both_protocols
def test_healing_breaks_what_hangs(receiver, protocol):
    receiver.hang()
    answers: list[Answer] = []
    sender = threading.Thread(target=lambda: answers.append(send(receiver, protocol, spans(1))))
    sender.start()
    wait_for(receiver.requests)

    receiver.heal()
    sender.join(10)

    assert [answer.outcome for answer in answers] == ["UNAVAILABLE"]


@both_protocols
def test_a_slow_answer_comes_after_the_delay(receiver, protocol):
    receiver.delay(0.1, times=1)
    begun = time.monotonic()

    assert send(receiver, protocol, spans(1)).outcome == "OK"
    assert time.monotonic() - begun >= 0.1


@both_protocols
@pytest.mark.parametrize(
    ("signal", "body", "field"),
    [
        ("traces", spans(1, 2), "rejected_spans"),
        ("logs", logs("a", "b"), "rejected_log_records"),
        ("metrics", sums(1, 2), "rejected_data_points"),
    ],
)
def test_a_partial_success_names_what_was_not_taken(receiver, protocol, signal, body, field):
    receiver.reject(1, message="too old", times=1)

    answer = RESPONSE[signal].FromString(send(receiver, protocol, body, signal).body)

    assert (getattr(answer.partial_success, field), answer.partial_success.error_message) == (1, "too old")
    assert receiver.delivered(signal) == 1


@both_protocols
def test_a_request_that_was_given_up_before_its_turn_is_not_stored(receiver, protocol):
    receiver.delay(0.4, times=1)

    assert send(receiver, protocol, spans(1), timeout_s=0.1).outcome == "DEADLINE_EXCEEDED"
    (request,) = wait_for(receiver.requests)
    assert (request.is_stored, receiver.delivered("traces")) == (False, 0)


def test_a_redirect_names_the_other_place(receiver):
    receiver.redirect("http://127.0.0.1:1/", times=2)

    answer = send(receiver, "http", spans(1))

    assert (answer.outcome, answer.headers["Location"]) == ("302", "http://127.0.0.1:1/")
    assert send(receiver, "grpc", spans(1)).outcome == "UNKNOWN"
    assert receiver.delivered("traces") == 0


@both_protocols
def test_a_garbled_answer_is_a_success_that_nobody_can_read(receiver, protocol):
    receiver.garble(times=1)

    answer = send(receiver, protocol, spans(1))

    assert answer.outcome == "OK"
    with pytest.raises(Exception, match=r"[Ww]ire|parsing"):
        ExportTraceServiceResponse.FromString(answer.body)


@both_protocols
def test_a_receiver_that_is_down_refuses_and_comes_back_on_the_same_port(receiver, protocol):
    receiver.refuse()
    receiver.refuse()
    refused = send(receiver, protocol, spans(1)).outcome
    receiver.accept()

    assert refused == "UNAVAILABLE"
    assert send(receiver, protocol, spans(1)).outcome == "OK"


@both_protocols
def test_going_down_loses_no_answer(receiver, protocol):
    receiver.delay(0.1)
    answers: list[Answer] = []
    sender = threading.Thread(target=lambda: answers.append(send(receiver, protocol, spans(1))))
    sender.start()
    wait_for(lambda: receiver._desk._busy)

    receiver.refuse()
    sender.join(10)

    assert [answer.outcome for answer in answers] == ["OK"]


def test_a_request_that_comes_while_it_goes_down_is_not_stored(receiver):
    receiver._desk.go_down()

    assert send(receiver, "grpc", spans(1)).outcome == "UNAVAILABLE"
    assert receiver.delivered("traces") == 0


def test_going_down_breaks_open_connections(receiver):
    client = http.client.HTTPConnection(receiver.http_endpoint.removeprefix("http://"), timeout=10)
    client.request("POST", "/v1/traces", spans(1))
    client.getresponse().read()
    receiver.refuse()

    def send_again() -> None:
        client.request("POST", "/v1/traces", spans(2))
        client.getresponse()

    with contextlib.closing(client), pytest.raises((OSError, http.client.HTTPException)):
        send_again()


@both_protocols
def test_a_frozen_receiver_holds_everything_back_until_it_thaws(receiver, protocol):
    receiver.freeze()
    frozen = send(receiver, protocol, spans(1), timeout_s=0.2).outcome
    receiver.heal()

    assert frozen == "DEADLINE_EXCEEDED"
    assert send(receiver, protocol, spans(2)).outcome == "OK"


@both_protocols
def test_too_large_a_request_is_refused(protocol):
    with FaultyReceiver(max_request_bytes=100) as receiver:
        answer = send(receiver, protocol, spans(*range(100)))

        assert answer.outcome == {"grpc": "RESOURCE_EXHAUSTED", "http": "413"}[protocol]
        assert receiver.requests() == []


def test_a_compressed_request_is_measured_unpacked():
    with FaultyReceiver(max_request_bytes=1000) as receiver:
        client = http.client.HTTPConnection(receiver.http_endpoint.removeprefix("http://"), timeout=10)
        for body, status in ((spans(1), 200), (bytes(2000), 413)):
            headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
            client.request("POST", "/v1/traces", gzip.compress(body), headers)
            answer = client.getresponse()
            answer.read()
            assert answer.status == status
        client.close()

        assert [request.size for request in receiver.requests()] == [len(spans(1))]


@both_protocols
def test_a_request_that_is_none_is_a_client_error(receiver, protocol):
    answer = send(receiver, protocol, b"\xff\xff")

    assert answer.outcome == {"grpc": "INVALID_ARGUMENT", "http": "400"}[protocol]


def test_unknown_paths_and_types_are_client_errors(receiver):
    client = http.client.HTTPConnection(receiver.http_endpoint.removeprefix("http://"), timeout=10)
    statuses = []
    for path, kind in (("/v1/profiles", "application/x-protobuf"), ("/v1/traces", "application/json")):
        client.request("POST", path, b"", {"Content-Type": kind})
        answer = client.getresponse()
        answer.read()
        statuses.append(answer.status)
    client.close()

    assert statuses == [404, 415]


@both_protocols
def test_a_full_receiver_says_so_and_keeps_what_it_has(protocol):
    with FaultyReceiver(max_records=2) as receiver:
        send(receiver, protocol, spans(1, 2))
        answer = send(receiver, protocol, spans(3))

        assert answer.outcome == {"grpc": "RESOURCE_EXHAUSTED", "http": "429"}[protocol]
        assert (receiver.delivered("traces"), receiver.requests()[-1].is_stored) == (2, False)


def test_the_oldest_requests_are_forgotten_first():
    with FaultyReceiver(max_requests=2) as receiver:
        for number in range(3):
            send(receiver, "http", spans(*range(number + 1)))

        assert [request.records for request in receiver.requests()] == [2, 3]


def test_clearing_forgets_what_arrived(receiver):
    send(receiver, "http", spans(1))
    receiver.clear()

    assert (receiver.delivered("traces"), receiver.spans(), receiver.requests()) == (0, [], [])


def test_a_cumulative_total_is_the_last_value_of_every_process_and_start(receiver):
    for body in (
        sums(1, 5, temporality=CUMULATIVE),
        sums(3, temporality=CUMULATIVE, at=1),  # late, and older than what is known
        sums(7, temporality=CUMULATIVE, instance="b"),
        sums(2, temporality=CUMULATIVE, start=9),
    ):
        send(receiver, "grpc", body, "metrics")

    assert receiver.total("calls") == 5 + 7 + 2


def test_a_sum_that_never_falls_counts_by_its_largest_value(receiver):
    for value, at in ((5, 9), (8, 1)):  # the clock was set back
        body = ExportMetricsServiceRequest.FromString(sums(value, temporality=CUMULATIVE, at=at))
        body.resource_metrics[0].scope_metrics[0].metrics[0].sum.is_monotonic = True
        send(receiver, "grpc", body.SerializeToString(), "metrics")

    assert receiver.total("calls") == 8


def test_a_delta_total_is_the_sum_of_all_points_each_once(receiver):
    for _ in range(2):
        send(receiver, "grpc", sums(1, 5), "metrics")
    send(receiver, "grpc", sums(10, label="y"), "metrics")

    assert receiver.total("calls") == 16
    assert receiver.total("calls", label="x") == 6
    assert receiver.total("calls", other="x") == receiver.total("others") == 0


def test_histograms_are_points_too(receiver):
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="duration").histogram.data_points.add(count=3, sum=4.5)
    scope.metrics.add(name="nothing yet").gauge.data_points.add()
    scope.metrics.add(name="of no kind")

    send(receiver, "grpc", request.SerializeToString(), "metrics")

    assert [(point.name, point.value, point.count, point.is_sum) for point in receiver.points()] == [
        ("duration", 4.5, 3, False),
        ("nothing yet", 0.0, 1, False),
    ]


def test_a_signal_that_there_is_not_is_refused(receiver):
    with pytest.raises(
        ValueError, match="signal is 'spans'; allowed are metrics, traces, logs, or None for all"
    ):
        receiver.fail(signal="spans")


def test_no_request_at_all_is_refused(receiver):
    with pytest.raises(ValueError, match="times is 0; allowed is 1 or more, or None for all until heal"):
        receiver.hang(times=0)


def test_orders_are_carried_out_in_their_order(receiver):
    receiver.fail(times=1, status=500)
    receiver.fail(times=1, status=429, signal="traces")
    receiver.fail(status=401)

    assert [send(receiver, "http", spans(1)).outcome for _ in range(4)] == ["500", "429", "401", "401"]


def test_closing_ends_threads_and_ports_also_while_requests_hang():
    before = set(threading.enumerate())
    with FaultyReceiver() as receiver:
        ports = [int(each.rpartition(":")[2]) for each in (receiver.grpc_endpoint, receiver.http_endpoint)]
        receiver.hang()
        senders = [
            threading.Thread(target=send, args=(receiver, protocol, spans(1)), kwargs={"timeout_s": 20})
            for protocol in PROTOCOLS
        ]
        for sender in senders:
            sender.start()
        wait_for(lambda: len(receiver.requests()) == 2)

    for sender in senders:
        sender.join(10)
    wait_for(lambda: not {each for each in threading.enumerate() if "faulty" in each.name} - before)
    assert not any(map(is_listening, ports))


@pytest.mark.parametrize(("exporter", "protocol"), [("otlp", "grpc"), ("otlp-http", "http")])
def test_a_pipeline_delivers_to_it(receiver, exporter, protocol):
    endpoint = {"grpc": receiver.grpc_endpoint, "http": receiver.http_endpoint}[protocol]
    with telemetry.init("s", "1", exporter=exporter, otlp_endpoint=endpoint):
        with telemetry.observe("tool", name="fetch"):
            pass
        telemetry.counter("tests.calls").bind({}).add(2)

    assert [span.name for span in receiver.spans()] == ["fetch"]
    assert receiver.total("tests.calls") == 2
    assert {request.protocol for request in receiver.requests()} == {protocol}
