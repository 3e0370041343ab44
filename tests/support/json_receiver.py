# SPDX-License-Identifier: Apache-2.0
"""Receivers of OTLP/JSON: one that answers as it is told, and one in a process that can be killed."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from support.ports import is_listening
from support.waiting import wait_for

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

_TESTS = Path(__file__).resolve().parents[1]


class Answer(NamedTuple):
    """What a receiver says to one request; `cut` breaks the connection instead, after it took the spans."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = {}  # noqa: RUF012  # only read
    cut: bool = False


class Got(NamedTuple):
    path: str
    headers: dict[str, str]
    wire: bytes
    client: tuple[str, int]

    @property
    def document(self) -> Any:
        return json.loads(
            gzip.decompress(self.wire) if self.headers.get("content-encoding") == "gzip" else self.wire
        )

    @property
    def spans(self) -> list[dict[str, Any]]:
        return spans_in(self.document)


def spans_in(document: Any) -> list[dict[str, Any]]:
    return [s for r in document["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]]


class JsonReceiver:
    """Takes requests, gives the answers of `answers` one after the other, then 200."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: list[Answer] = []
        self.requests: list[Got] = []
        self.taken: list[Got] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ids(self) -> list[str]:
        return [span["spanId"] for got in self.taken for span in got.spans]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what the tests are about."""


@contextlib.contextmanager
def json_receiver(
    *answers: Answer, port: int = 0, context: ssl.SSLContext | None = None
) -> Iterator[JsonReceiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            wire = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            got = Got(self.path, headers, wire, self.client_address)
            receiver.requests.append(got)
            answer = receiver.answers.pop(0) if receiver.answers else Answer()
            if answer.status < 300:
                receiver.taken.append(got)
            if answer.cut:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is http.server's
            """Stay quiet."""

    server = _Server(("127.0.0.1", port), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver = JsonReceiver(int(server.server_address[1]))
    receiver.answers = list(answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class KillableReceiver:
    """A receiver in a process of its own, which writes the ids of spans into a file before it answers."""

    def __init__(self, port: int, record: Path) -> None:
        self.port = port
        self.record = record
        self.record.touch()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.json_receiver", str(self.port), str(self.record)], cwd=_TESTS
        )
        wait_for(lambda: is_listening(self.port), what="the receiver's start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> KillableReceiver:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ids(self) -> list[str]:
        """The ids of all spans that arrived; one that was cut off while it was written is none."""
        text = self.record.read_text("ascii")
        return [line for line in text[: text.rfind("\n") + 1].split("\n") if len(line) == 16]


def serve(port: int, record: str) -> None:
    descriptor = os.open(record, os.O_WRONLY | os.O_APPEND)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            wire = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(wire) if self.headers.get("Content-Encoding") == "gzip" else wire
            ids = [span["spanId"] for span in spans_in(json.loads(body))]
            with lock:
                os.write(descriptor, ("\n" + "\n".join(ids) + "\n").encode("ascii"))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is http.server's
            """Stay quiet."""

    _Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
