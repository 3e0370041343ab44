# SPDX-License-Identifier: Apache-2.0
"""A model provider on 127.0.0.1 that speaks both wire formats and goes wrong to order.

It answers `POST /v1/chat/completions` as OpenAI does and `POST /v1/messages` as Anthropic does,
streaming or not as the request asks, one reply of its script per request.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from support import llm_wire as wire
from support.llm_wire import Answer, Call

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Answer",
    "Call",
    "Failure",
    "HalfStream",
    "Hang",
    "LLMServer",
    "Malformed",
    "Raw",
    "Request",
    "Reset",
    "Slow",
    "StreamError",
]


@dataclass(frozen=True)
class Failure:
    """An error status with the provider's error body."""

    status: int
    retry_after: str | None = None


@dataclass(frozen=True)
class Reset:
    """The connection breaks before any answer."""


@dataclass(frozen=True)
class HalfStream:
    """The first half of an answer, streamed or not; then the connection breaks, or just ends."""

    answer: Answer
    is_reset: bool = True


@dataclass(frozen=True)
class StreamError:
    """The first half of a streamed answer, and then an error event: (code or type, message)."""

    answer: Answer
    kind: str
    message: str


@dataclass(frozen=True)
class Malformed:
    """Text that is not the JSON it claims to be; in a stream, as the data of an event."""

    text: str = '{"choices": ['


@dataclass(frozen=True)
class Raw:
    """JSON that is none of the provider's objects."""

    body: Any


@dataclass(frozen=True)
class Hang:
    """No answer, until the client gives up."""


@dataclass(frozen=True)
class Slow:
    """An answer that comes when the test sets `go`; in a stream, after its first event."""

    answer: Answer
    go: threading.Event = field(default_factory=threading.Event)


Reply = Answer | Failure | Reset | HalfStream | StreamError | Malformed | Raw | Hang | Slow


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    path: str
    headers: dict[str, str]  # lower-case names
    body: dict[str, Any]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024  # connections that wait to be accepted; http.server's five are soon full
    block_on_close = False  # a handler that hangs ends with its client

    def shutdown_request(self, request: Any) -> None:
        """Close without the courtesy of a FIN, so that a reset is one."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what the tests are about."""


class LLMServer:
    """The provider; a context manager. Its script is played in order, one reply per request."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.hung_up = threading.Event()
        """Set when a client closed its connection while it waited for a reply that hangs."""
        self.is_asked = threading.Event()
        """Set when a request has arrived."""
        self._script: deque[Reply] = deque()
        self._closed = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address without a path: what Anthropic's client takes."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """The address with the version: what OpenAI's client takes."""
        return f"{self.url}/v1"

    @property
    def remaining(self) -> int:
        return len(self._script)

    def order(self, *replies: Reply) -> None:
        """Append replies to the script."""
        self._script.extend(replies)

    def __enter__(self) -> LLMServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def next_reply(self) -> Reply:
        return self._script.popleft() if self._script else Failure(400)

    def wait_until_hung_up(self, connection: socket.socket) -> None:
        while not self._closed.is_set():
            readable, _, _ = select.select([connection], [], [], 0.05)
            if readable and not connection.recv(65536):
                self.hung_up.set()
                return

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(_Handler):
            server_of = owner

        return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_of: LLMServer

    def do_POST(self) -> None:
        owner = self.server_of
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner.requests.append(Request(self.path, headers, body))
        owner.is_asked.set()
        path = self.path.partition("?")[0]
        if path not in (wire.OPENAI_PATH, wire.ANTHROPIC_PATH):
            self._send(404, b'{"error": {"message": "no such path", "type": "invalid_request_error"}}')
            return
        with contextlib.suppress(OSError):  # a client that hung up
            self._play(owner.next_reply(), is_openai=path == wire.OPENAI_PATH, request=body)

    def _play(self, reply: Reply, *, is_openai: bool, request: dict[str, Any]) -> None:
        is_stream = bool(request.get("stream"))
        match reply:
            case Failure():
                error = wire.openai_error if is_openai else wire.anthropic_error
                extra = {} if reply.retry_after is None else {"retry-after": reply.retry_after}
                self._send(reply.status, error(reply.status), extra)
            case Reset():
                self._reset()
            case Hang():
                self.close_connection = True
                self.server_of.wait_until_hung_up(self.connection)
            case Malformed() if is_stream:
                self._stream(iter([f"event: message_start\ndata: {reply.text}\n\n".encode()]))
            case Malformed():
                self._send(200, reply.text.encode())
            case Raw():
                self._send(200, json.dumps(reply.body).encode())
            case Answer() | Slow() | HalfStream() | StreamError() if is_stream:
                answer = reply if isinstance(reply, Answer) else reply.answer
                self._stream(self._events(answer, is_openai=is_openai, request=request), reply)
            case Answer() | Slow() | HalfStream():
                answer = reply if isinstance(reply, Answer) else reply.answer
                render = wire.openai_json if is_openai else wire.anthropic_json
                self._whole(render(answer, request["model"]), reply)
            case _:
                raise TypeError(f"{reply!r} is for requests that stream")

    def _events(self, answer: Answer, *, is_openai: bool, request: dict[str, Any]) -> Iterator[bytes]:
        if not is_openai:
            return wire.anthropic_events(answer, request["model"])
        with_usage = bool((request.get("stream_options") or {}).get("include_usage"))
        return wire.openai_events(answer, request["model"], with_usage=with_usage)

    def _whole(self, body: bytes, reply: Reply) -> None:
        if isinstance(reply, Slow):
            reply.go.wait(10)
        if isinstance(reply, HalfStream):
            self._head(200, {"content-type": "application/json", "content-length": str(len(body))})
            self.wfile.write(body[: len(body) // 2])
            self._break(is_reset=reply.is_reset)
        else:
            self._send(200, body)

    def _stream(self, events: Iterator[bytes], reply: Reply | None = None) -> None:
        self._head(
            200,
            {
                "content-type": "text/event-stream; charset=utf-8",
                "cache-control": "no-cache",
                "transfer-encoding": "chunked",
            },
        )
        all_events = list(events)
        is_cut = isinstance(reply, HalfStream | StreamError)
        for number, event in enumerate(all_events[: len(all_events) // 2] if is_cut else all_events):
            self._chunk(event)
            if isinstance(reply, Slow) and number == 0:
                reply.go.wait(10)
        if isinstance(reply, HalfStream):
            self._break(is_reset=reply.is_reset)
            return
        if isinstance(reply, StreamError):
            is_openai = all_events[-1].startswith(b"data: [DONE]")
            error = wire.openai_stream_error if is_openai else wire.anthropic_stream_error
            self._chunk(error(reply.kind, reply.message))
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _send(self, status: int, body: bytes, extra: dict[str, str] | None = None) -> None:
        self._head(
            status,
            {"content-type": "application/json", "content-length": str(len(body)), **(extra or {})},
        )
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status, "Overloaded" if status == 529 else None)
        for name, value in {**headers, "request-id": "req_011CSHoEeqs5C35K2UUqR7Fy"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _break(self, *, is_reset: bool) -> None:
        if is_reset:
            self._reset()
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Stay quiet."""
