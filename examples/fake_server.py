# SPDX-License-Identifier: Apache-2.0
"""A server on 127.0.0.1 that answers what it was told to, so that the examples need no network and no key.

Nothing of it belongs into your own code.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Reply", "events", "serving"]


@dataclass(frozen=True)
class Reply:
    """One answer: a JSON document, or text such as a stream of events."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        is_text = isinstance(self.body, str)
        content = (self.body if is_text else json.dumps(self.body)).encode()
        handler.send_response(self.status)
        handler.send_header("Content-Type", "text/event-stream" if is_text else "application/json")
        handler.send_header("Content-Length", str(len(content)))
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)


def events(*documents: object, is_named: bool = False) -> str:
    """Returns a stream of server-sent events; Anthropic's carry their type as their name, OpenAI's do not."""
    names = [f"event: {document['type']}\n" if is_named else "" for document in documents]
    lines = [f"{name}data: {json.dumps(each)}\n\n" for name, each in zip(names, documents, strict=True)]
    return "".join(lines) + ("" if is_named else "data: [DONE]\n\n")


@contextmanager
def serving(*replies: Reply) -> Iterator[str]:
    """Answers one request after the other with the replies, and gives the server's URL."""
    waiting = iter(replies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            next(waiting).send(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Stay quiet: stdout is the example's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
