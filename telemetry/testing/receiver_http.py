# SPDX-License-Identifier: Apache-2.0
"""The HTTP side of the faulty receiver."""

from __future__ import annotations

import zlib
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from telemetry.testing.receiver_desk import Arrival
from telemetry.testing.receiver_gate import HOST, Gate
from telemetry.testing.receiver_grpc import MALFORMED, error_status, success
from telemetry.testing.receiver_orders import Fault, Kind

if TYPE_CHECKING:
    from telemetry.config.exporters import Signal
    from telemetry.testing.receiver_desk import Desk

__all__ = ["HttpSide"]

_PATHS: dict[str, Signal] = {"/v1/metrics": "metrics", "/v1/traces": "traces", "/v1/logs": "logs"}
_PROTOBUF = "application/x-protobuf"
_CHUNK = 65536
_POLL_S = 0.02


class HttpSide:
    """An HTTP server behind a gate.

    Args:
        desk: Decides on answers.
        max_request_bytes: Larger messages are refused with 413; for the size before decompression, too.
    """

    def __init__(self, desk: Desk, max_request_bytes: int) -> None:
        self.desk = desk
        self.max_request_bytes = max_request_bytes
        self._server = _Server(self)
        self._thread = Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="faulty-receiver-http", daemon=True
        )
        self._thread.start()
        self.gate = Gate(self._server.server_port)

    def close(self) -> None:
        """Ends the server; what hangs must have been let go of."""
        self.gate.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, side: HttpSide) -> None:
        self.side = side
        super().__init__((HOST, 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Senders that hang up are what this receiver is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes; the second would wait 40 ms
    server: _Server

    def do_POST(self) -> None:
        side = self.server.side
        body = self._body(side.max_request_bytes)
        signal = _PATHS.get(self.path)
        if isinstance(body, Fault):
            self._fail(body)
        elif signal is None:
            self._fail(_refusal(404, "NOT_FOUND", f"path {self.path!r}; allowed are {', '.join(_PATHS)}"))
        elif self.headers.get("Content-Type", _PROTOBUF) != _PROTOBUF:
            self._fail(_refusal(415, "INVALID_ARGUMENT", f"only {_PROTOBUF} is understood"))
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            gone = side.gate.ended(self.client_address[1])
            self._answer(signal, side.desk.receive(Arrival(signal, "http", headers, body, gone)))

    def _body(self, limit: int) -> bytes | Fault:
        length = int(self.headers.get("Content-Length", 0))
        if length > limit:
            # What is left unread would take the answer with it.
            while length > 0 and (read := len(self.rfile.read(min(length, _CHUNK)))):
                length -= read
            return _refusal(413, "RESOURCE_EXHAUSTED", f"more than {limit} bytes")
        body = self.rfile.read(length)
        if self.headers.get("Content-Encoding") != "gzip":
            return body
        body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, limit + 1)
        return body if len(body) <= limit else _refusal(413, "RESOURCE_EXHAUSTED", f"more than {limit} bytes")

    def _answer(self, signal: Signal, fault: Fault) -> None:
        if fault.kind is Kind.ACCEPT:
            self._send(200, success(signal, fault))
        elif fault.kind is Kind.GARBLE:
            self._send(200, MALFORMED)
        elif fault.kind is Kind.FAIL:
            self._fail(fault)
        else:
            self.server.side.gate.break_off(self.client_address[1])
            self.close_connection = True

    def _fail(self, fault: Fault) -> None:
        headers = {}
        if fault.location is not None:
            headers["Location"] = fault.location
        if fault.retry_after is not None:
            is_number = isinstance(fault.retry_after, (int, float))
            headers["Retry-After"] = (
                f"{fault.retry_after:g}" if is_number else format_datetime(fault.retry_after, usegmt=True)  # type: ignore[arg-type]  # a date
            )
        self._send(fault.status, error_status(fault).SerializeToString(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", _PROTOBUF)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is http.server's
        """Says nothing: the books have it."""


def _refusal(status: int, code: str, message: str) -> Fault:
    return Fault(Kind.FAIL, is_stored=False, status=status, code=code, message=message)
