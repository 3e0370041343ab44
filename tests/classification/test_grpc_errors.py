# SPDX-License-Identifier: Apache-2.0
"""grpc, blocking and asyncio, against a real server that aborts with what the test orders."""

from __future__ import annotations

import asyncio
from concurrent import futures

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from telemetry.classification import Classifier, retry_after

CODES = {
    "CANCELLED": ("tool_failure", False),
    "UNKNOWN": ("tool_failure", True),
    "INVALID_ARGUMENT": ("invalid_input", False),
    "DEADLINE_EXCEEDED": ("timeout", True),
    "NOT_FOUND": ("not_found", False),
    "ALREADY_EXISTS": ("tool_failure", False),
    "PERMISSION_DENIED": ("unauthorized", False),
    "RESOURCE_EXHAUSTED": ("rate_limit", True),
    "FAILED_PRECONDITION": ("invalid_input", False),
    "ABORTED": ("tool_failure", True),
    "OUT_OF_RANGE": ("invalid_input", False),
    "UNIMPLEMENTED": ("tool_failure", False),
    "INTERNAL": ("tool_failure", True),
    "UNAVAILABLE": ("tool_failure", True),
    "DATA_LOSS": ("tool_failure", False),
    "UNAUTHENTICATED": ("unauthorized", False),
}


def status_details(*details):
    status = Status(code=14, message="later")
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status.SerializeToString()


def retry_info(seconds, nanos=0):
    return RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos))


TRAILERS = {
    b"status": [
        ("grpc-status-details-bin", status_details(ErrorInfo(reason="R"), retry_info(3, 500_000_000)))
    ],
    b"direct": [("google.rpc.retryinfo-bin", retry_info(4).SerializeToString())],
    b"foreign": [("x-request", "1")],
    b"pushback": [("grpc-retry-pushback-ms", "250")],
    b"never": [("grpc-retry-pushback-ms", "-1")],
    b"negative": [("google.rpc.retryinfo-bin", retry_info(-4).SerializeToString())],
    b"other": [("grpc-status-details-bin", status_details(ErrorInfo(reason="R")))],
    b"empty": [("google.rpc.retryinfo-bin", RetryInfo().SerializeToString())],
    b"damaged": [("grpc-status-details-bin", b"\x1a\xff\xff")],
}


@pytest.fixture(scope="module")
def port():
    def abort(request, context):
        if request in TRAILERS:
            context.set_trailing_metadata(TRAILERS[request])
            context.abort(grpc.StatusCode.UNAVAILABLE, "later")
        context.abort(grpc.StatusCode[request.decode()], "no")

    server = grpc.server(futures.ThreadPoolExecutor(2))
    method = grpc.unary_unary_rpc_method_handler(abort)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("s", {"m": method})])
    number = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield number
    server.stop(None).wait()


@pytest.fixture(scope="module")
def call(port):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.unary_unary("/s/m")


@pytest.mark.parametrize("name", CODES)
def test_a_status_decides(name, call, error_of):
    error = error_of(call, name.encode())
    code, recoverable = CODES[name]
    assert Classifier().classify(error) == (code, "tool", recoverable)


def test_the_component_names_a_failed_dependency(call, error_of):
    assert Classifier().classify(error_of(call, b"UNAVAILABLE"), "llm") == ("llm_error", "llm", True)


def test_the_asyncio_client_raises_the_same(port):
    async def failing():
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await channel.unary_unary("/s/m")(b"status")

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        asyncio.run(failing())
    assert Classifier().classify(caught.value) == ("tool_failure", "tool", True)
    assert retry_after(caught.value) == 3.5


def test_a_refused_connection_is_transient(closed_port, error_of):
    with grpc.insecure_channel(f"127.0.0.1:{closed_port}") as channel:
        error = error_of(channel.unary_unary("/s/m"), b"x", timeout=5)
        slow = error_of(grpc.channel_ready_future(channel).result, timeout=0.05)
    assert Classifier().classify(error) == ("tool_failure", "tool", True)
    assert Classifier().classify(slow) == ("timeout", "tool", True)


@pytest.mark.parametrize(
    ("trailer", "seconds"),
    [
        (b"status", 3.5),
        (b"direct", 4.0),
        (b"foreign", None),
        (b"pushback", 0.25),
        (b"never", None),
        (b"negative", 0.0),
        (b"other", None),
        (b"empty", None),
        (b"damaged", None),
    ],
)
def test_the_pause_asked_for_is_read_from_the_trailers(trailer, seconds, call, error_of):
    assert retry_after(error_of(call, trailer)) == seconds


def test_a_bare_rpc_error_says_nothing():
    class Odd(grpc.RpcError):
        def code(self):
            raise RuntimeError

    assert Classifier().classify(grpc.RpcError()) == ("tool_failure", "tool", False)
    assert Classifier().classify(Odd()) == ("tool_failure", "tool", False)
    assert retry_after(grpc.RpcError()) is None
