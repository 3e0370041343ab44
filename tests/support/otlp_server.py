# SPDX-License-Identifier: Apache-2.0
"""An OTLP receiver of our own, gRPC and HTTP: records requests with their headers, answers to order."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from support.waiting import wait_for

if TYPE_CHECKING:
    from types import TracebackType

_REQUESTS = {
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
}
_RESPONSES = {
    "metrics": metrics_service_pb2.ExportMetricsServiceResponse,
    "traces": trace_service_pb2.ExportTraceServiceResponse,
    "logs": logs_service_pb2.ExportLogsServiceResponse,
}


@dataclass(frozen=True)
class Request:
    """One request: its signal, its headers in lower case, and its message."""

    signal: str
    headers: dict[str, str]
    message: Any
    path: str = ""


@dataclass
class OtlpServer:
    """Both servers; `http_status` and `grpc_status` are what they answer from then on."""

    http_status: int = 200
    grpc_status: grpc.StatusCode | None = None
    http_headers: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> OtlpServer:
        self._grpc = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Servicer(self, "traces"), self._grpc)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Servicer(self, "metrics"), self._grpc)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(_Servicer(self, "logs"), self._grpc)
        self.grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.http_port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="otlp-http")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._grpc.stop(0).wait(5)
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def wait_for(self, count: int) -> list[Request]:
        """The requests as soon as there are that many."""
        wait_for(lambda: len(self.requests) >= count, what=f"{count} requests")
        return self.requests

    def by_signal(self) -> dict[str, Request]:
        """The last request of each signal."""
        return {request.signal: request for request in self.requests}


class _Servicer:
    def __init__(self, server: OtlpServer, signal: str) -> None:
        self._server = server
        self._signal = signal

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 (gRPC's name)
        headers = {key: str(value) for key, value in context.invocation_metadata()}
        self._server.requests.append(Request(self._signal, headers, request))
        if self._server.grpc_status is not None:
            context.abort(self._server.grpc_status, "to order")
        return _RESPONSES[self._signal]()


def _handler(server: OtlpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            signal = self.path.rpartition("/")[2]
            server.requests.append(Request(signal, headers, _REQUESTS[signal].FromString(body), self.path))
            answer = _RESPONSES[signal]().SerializeToString()
            self.send_response(server.http_status)
            for key, value in server.http_headers.items():
                self.send_header(key, value)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
            """Say nothing."""

    return Handler
