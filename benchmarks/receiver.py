# SPDX-License-Identifier: Apache-2.0
"""A small OTLP/gRPC receiver in this process: what a benchmark sends arrives here and can be checked."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Receiver"]


class Receiver:
    """Listens on a free port of this machine while its `with` block runs."""

    def __init__(self) -> None:
        self.metric_requests: list[metrics_service_pb2.ExportMetricsServiceRequest] = []
        self.trace_requests: list[trace_service_pb2.ExportTraceServiceRequest] = []
        self.log_requests: list[logs_service_pb2.ExportLogsServiceRequest] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        parts = (
            ("metrics.v1.MetricsService", metrics_service_pb2, "ExportMetricsService", self.metric_requests),
            ("trace.v1.TraceService", trace_service_pb2, "ExportTraceService", self.trace_requests),
            ("logs.v1.LogsService", logs_service_pb2, "ExportLogsService", self.log_requests),
        )
        self._server.add_generic_rpc_handlers(
            [
                _handler(service, getattr(module, f"{name}Request"), getattr(module, f"{name}Response"), kept)
                for service, module, name, kept in parts
            ]
        )
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Receiver:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.stop(0).wait()

    def clear(self) -> None:
        """Forget what arrived."""
        self.metric_requests.clear()
        self.trace_requests.clear()
        self.log_requests.clear()

    def total(self, name: str) -> float:
        """The sum of the last values of a counter, over all its series."""
        latest: dict[bytes, float] = {}
        for request in self.metric_requests:
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == name:
                            for point in metric.sum.data_points:
                                key = b"".join(sorted(each.SerializeToString() for each in point.attributes))
                                latest[key] = point.as_int or point.as_double
        return sum(latest.values())

    def spans(self) -> list[object]:
        """Every span that arrived."""
        return [
            span
            for request in self.trace_requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def _handler(service: str, request: type, response: type, kept: list) -> grpc.GenericRpcHandler:
    def export(message: object, _context: grpc.ServicerContext) -> object:
        kept.append(message)
        return response()

    method = grpc.unary_unary_rpc_method_handler(export, request.FromString, response.SerializeToString)
    return grpc.method_handlers_generic_handler(
        f"opentelemetry.proto.collector.{service}", {"Export": method}
    )


if __name__ == "__main__":
    with Receiver() as receiver:
        print(receiver.endpoint, flush=True)
        sys.stdin.read()  # until whoever started this closes it
