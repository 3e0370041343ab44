# SPDX-License-Identifier: Apache-2.0
"""The gRPC side of the faulty receiver."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import Code  # type: ignore[import-untyped]  # generated, no stubs
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # generated, no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # generated, no stubs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from telemetry.testing.receiver_desk import Arrival
from telemetry.testing.receiver_gate import HOST, Gate
from telemetry.testing.receiver_orders import Kind

if TYPE_CHECKING:
    from telemetry.config.exporters import Signal
    from telemetry.testing.receiver_desk import Desk
    from telemetry.testing.receiver_orders import Fault

__all__ = ["MALFORMED", "GrpcSide", "error_status", "success"]

MALFORMED = b"\xff\xff\xff\xff\xff"
"""No protobuf message: its first field has no end."""

_SERVICES: dict[str, Signal] = {
    "metrics.v1.MetricsService": "metrics",
    "trace.v1.TraceService": "traces",
    "logs.v1.LogsService": "logs",
}
_WORKERS = 32


class GrpcSide:
    """A gRPC server behind a gate.

    Args:
        desk: Decides on answers.
        max_request_bytes: Larger messages are refused with RESOURCE_EXHAUSTED, as gRPC does.
    """

    def __init__(self, desk: Desk, max_request_bytes: int) -> None:
        self._desk = desk
        self._pool = ThreadPoolExecutor(_WORKERS, "faulty-receiver-grpc")
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", max_request_bytes)]
        self._server = grpc.server(self._pool, options=options)
        for service, signal in _SERVICES.items():
            # Without (de)serializers the handler sees the bytes as they are.
            method = grpc.unary_unary_rpc_method_handler(partial(self._export, signal))
            name = f"opentelemetry.proto.collector.{service}"
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(name, {"Export": method}),)
            )
        port = self._server.add_insecure_port(f"{HOST}:0")
        self._server.start()
        self.gate = Gate(port)

    def close(self) -> None:
        """Ends the server; what hangs must have been let go of."""
        self.gate.close()
        self._server.stop(0).wait()
        self._pool.shutdown(wait=True)

    def _export(self, signal: Signal, body: bytes, context: grpc.ServicerContext) -> bytes:
        gone = Event()
        if not context.add_callback(gone.set):
            gone.set()
        headers = {str(key): _text(value) for key, value in context.invocation_metadata()}
        fault = self._desk.receive(Arrival(signal, "grpc", headers, body, gone))
        if fault.kind is Kind.ACCEPT:
            return success(signal, fault)
        if fault.kind is Kind.GARBLE:
            return MALFORMED
        if fault.kind is Kind.FAIL:
            if fault.retry_info_s is not None:
                details = error_status(fault).SerializeToString()
                context.set_trailing_metadata((("grpc-status-details-bin", details),))
            context.abort(getattr(grpc.StatusCode, fault.code), fault.message)
        else:
            # A sender that gave up on this request alone keeps its connection.
            if fault.kind is Kind.RESET or not gone.is_set():
                self.gate.break_off(int(context.peer().rpartition(":")[2]))
            context.abort(grpc.StatusCode.CANCELLED, "nobody hears this")
        raise AssertionError  # pragma: no cover  # abort() does not return


def success(signal: Signal, fault: Fault) -> bytes:
    """Return the response to a request that was accepted, with a partial success where one is ordered."""
    if signal == "traces":
        spans = ExportTraceServiceResponse()
        if fault.rejected or fault.message:
            spans.partial_success.rejected_spans = fault.rejected
            spans.partial_success.error_message = fault.message
        return bytes(spans.SerializeToString())
    if signal == "logs":
        logs = ExportLogsServiceResponse()
        if fault.rejected or fault.message:
            logs.partial_success.rejected_log_records = fault.rejected
            logs.partial_success.error_message = fault.message
        return bytes(logs.SerializeToString())
    points = ExportMetricsServiceResponse()
    if fault.rejected or fault.message:
        points.partial_success.rejected_data_points = fault.rejected
        points.partial_success.error_message = fault.message
    return bytes(points.SerializeToString())


def error_status(fault: Fault) -> Status:
    """Return the `google.rpc.Status` of a failure: gRPC's details, and the body of an HTTP answer."""
    status = Status(code=Code.Value(fault.code), message=fault.message)
    if fault.retry_info_s is not None:
        info = RetryInfo(retry_delay=Duration(nanos=0))
        info.retry_delay.FromNanoseconds(round(fault.retry_info_s * 1e9))
        packed = AnyMessage()
        packed.Pack(info)
        status.details.append(packed)
    return status


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
