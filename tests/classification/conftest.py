# SPDX-License-Identifier: Apache-2.0
"""A real HTTP server that answers what a test ordered, and a port where nobody listens."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, headers, body = self.server.answers[self.path.split("/")[1]]
        if status is None:  # hang up in the middle of the exchange
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - http.server finds its methods by these names

    def log_message(self, *_):
        """Keeps the test's output to itself."""


@pytest.fixture(scope="session")
def answering():
    """`answering(status, body, headers)` -> base URL under which every request gets that answer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.answers = {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    names = count()

    def answer(status, body=None, headers=None):
        name = f"a{next(names)}"
        data = body.encode() if isinstance(body, str) else json.dumps(body or {}).encode()
        kind = {} if isinstance(body, str) else {"content-type": "application/json"}
        server.answers[name] = (status, {**kind, **(headers or {})}, data)
        return f"http://127.0.0.1:{server.server_port}/{name}"

    yield answer
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def closed_port():
    """A port that is bound, so that nobody else gets it, but on which nothing listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def silent_port():
    """A port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture(scope="session")
def error_of():
    """Runs a call and gives back the exception it ended with."""

    def run(call, *args, **kwargs):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the type is what the test is about
            call(*args, **kwargs)
        return caught.value

    return run
