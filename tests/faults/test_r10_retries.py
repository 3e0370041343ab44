# SPDX-License-Identifier: Apache-2.0
"""R10: the OTLP specification's rules of what is sent again, when, and how."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from support.waiting import wait_for

import telemetry
from telemetry.testing import FaultyReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry import ExporterStatus, Telemetry

RETRYABLE_CODES = ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
PERMANENT_CODES = [
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "UNIMPLEMENTED",
    "INTERNAL",
    "RESOURCE_EXHAUSTED",  # unless it says when to try again
]
RETRYABLE_STATUSES = [429, 502, 503, 504]
PERMANENT_STATUSES = [301, 302, 307, 308, 400, 404, 405, 408, 413, 415, 422, 500, 501]
KEY = "idempotency-key"
PROTOCOLS = ["grpc", "http"]


@pytest.fixture
def receiver() -> Iterator[FaultyReceiver]:
    with FaultyReceiver() as receiver:
        yield receiver


@pytest.fixture
def start(receiver: FaultyReceiver) -> Iterator[Callable[[str], Telemetry]]:
    pipelines = []

    def start(protocol: str) -> Telemetry:
        endpoint = {"grpc": receiver.grpc_endpoint, "http": receiver.http_endpoint}[protocol]
        exporter = {"grpc": "otlp", "http": "otlp-http"}[protocol]
        settings = {
            "flush_interval_seconds": 0.05,
            "shutdown_timeout_seconds": 0.2,
            "otlp_timeout_seconds": 2,
        }
        pipelines.append(telemetry.init("s", "1", exporter=exporter, otlp_endpoint=endpoint, **settings))
        return pipelines[-1]

    yield start
    for pipeline in pipelines:
        pipeline.shutdown()


def record() -> None:
    with telemetry.observe("tool", name="retried"):
        pass


def status_of(pipeline: Telemetry, signal: str = "traces") -> ExporterStatus:
    return next(status for status in pipeline.status() if status.signal == signal)


def assert_delivered_at_the_second_attempt(receiver: FaultyReceiver, pipeline: Telemetry) -> None:
    wait_for(lambda: status_of(pipeline).delivered == 1)
    assert [request.answer for request in receiver.requests("traces")] == ["failed", "accepted"]
    assert receiver.duplicated("traces") == 0


@pytest.mark.parametrize("code", RETRYABLE_CODES)
def test_a_retryable_code_is_retried(receiver, start, code):
    receiver.fail(times=1, signal="traces", code=code)
    pipeline = start("grpc")
    record()

    assert_delivered_at_the_second_attempt(receiver, pipeline)


@pytest.mark.parametrize("status", RETRYABLE_STATUSES)
def test_a_retryable_status_is_retried(receiver, start, status):
    receiver.fail(times=1, signal="traces", status=status)
    pipeline = start("http")
    record()

    assert_delivered_at_the_second_attempt(receiver, pipeline)


@pytest.mark.parametrize("code", PERMANENT_CODES)
def test_any_other_code_is_not_retried(receiver, start, code):
    receiver.fail(times=1, signal="traces", code=code)
    pipeline = start("grpc")
    record()

    wait_for(lambda: status_of(pipeline).dropped == {"refused": 1})
    assert [request.answer for request in receiver.requests("traces")] == ["failed"]


@pytest.mark.parametrize("status", PERMANENT_STATUSES)
def test_any_other_status_is_not_retried_and_no_redirect_is_followed(receiver, start, status):
    receiver.redirect(f"{receiver.http_endpoint}/v1/logs", status=status, times=1, signal="traces")
    pipeline = start("http")
    record()

    wait_for(lambda: status_of(pipeline).dropped == {"refused": 1})
    assert [request.signal for request in receiver.requests()] == ["traces"]
    assert str(status) in status_of(pipeline).last_error


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_broken_connection_is_retried(receiver, start, protocol):
    receiver.reset(times=1, signal="traces")
    pipeline = start(protocol)
    record()

    wait_for(lambda: status_of(pipeline).delivered == 1)
    assert [request.answer for request in receiver.requests("traces")] == ["reset", "accepted"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_success_that_nobody_can_read_is_none(receiver, start, protocol):
    receiver.garble(signal="traces", is_stored=False)
    pipeline = start(protocol)
    record()

    wait_for(lambda: "no OTLP receiver" in (status_of(pipeline).last_error or ""))
    assert (status_of(pipeline).delivered, status_of(pipeline).pending) == (0, 1)


def test_resource_exhausted_is_retried_when_it_says_when(receiver, start):
    receiver.fail(times=1, signal="traces", code="RESOURCE_EXHAUSTED", retry_info=0.1)
    pipeline = start("grpc")
    record()

    assert_delivered_at_the_second_attempt(receiver, pipeline)


@pytest.mark.parametrize(
    ("protocol", "asked"),
    [
        ("grpc", {"retry_info": 1.2}),
        ("http", {"retry_info": 1.2}),
        ("http", {"retry_after": 2}),
        ("http", {"retry_after": timedelta(seconds=3)}),  # as a date, which has whole seconds
    ],
)
def test_the_receiver_decides_when(receiver, start, protocol, asked):
    (value,) = asked.values()
    if isinstance(value, timedelta):
        asked = {"retry_after": datetime.now(UTC) + value}
    receiver.fail(times=1, signal="traces", status=503, **asked)
    pipeline = start(protocol)
    record()

    assert_delivered_at_the_second_attempt(receiver, pipeline)
    first, second = (request.received_s for request in receiver.requests("traces"))
    assert second - first >= 1.1  # without being asked the second attempt comes within 0.75 s


def test_attempts_come_at_growing_distances_that_differ(receiver, start):
    receiver.fail(times=3, status=503)
    pipelines = [start("http")]
    record()
    pipelines[0].logger.emit(_log_record())
    wait_for(lambda: receiver.delivered("traces") and receiver.delivered("logs"), 20)

    gaps = {}
    for signal in ("traces", "logs"):
        times = [request.received_s for request in receiver.requests(signal)]
        gaps[signal] = [second - first for first, second in pairwise(times)]
    assert all(gap > 0.1 for gap in gaps["traces"] + gaps["logs"])
    assert gaps["traces"] != pytest.approx(gaps["logs"], abs=0.001)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("status", "said"), [(401, "UNAUTHENTICATED|401"), (403, "PERMISSION_DENIED|403")])
def test_missing_rights_are_reported_at_once_and_not_hammered(
    receiver, start, caplog, protocol, status, said
):
    receiver.fail(signal="traces", status=status)
    with caplog.at_level(logging.WARNING):
        pipeline = start(protocol)
        record()
        wait_for(lambda: status_of(pipeline).last_error)
        record()
        time.sleep(1.5)  # other failures are tried again within 0.75 s

    assert len(receiver.requests("traces")) == 1
    assert status_of(pipeline).dropped == {}
    assert any(name in status_of(pipeline).last_error for name in said.split("|"))
    assert [line for line in caplog.messages if any(name in line for name in said.split("|"))] != []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_retry_is_the_same_bytes_under_the_same_key(receiver, start, protocol):
    receiver.fail(times=1, signal="traces", status=503)
    receiver.reset(times=1, signal="traces", is_stored=True)
    pipeline = start(protocol)
    record()
    wait_for(lambda: status_of(pipeline).delivered == 1)
    record()
    wait_for(lambda: status_of(pipeline).delivered == 2)

    *same, other = receiver.requests("traces")
    assert len(same) == 3
    assert len({request.sha256 for request in same}) == 1
    assert len({request.headers[KEY] for request in same}) == 1
    assert other.headers[KEY] != same[0].headers[KEY]
    assert receiver.duplicated("traces") == 1


def _log_record():
    from opentelemetry._logs import LogRecord

    return LogRecord(timestamp=1, body="retried")
