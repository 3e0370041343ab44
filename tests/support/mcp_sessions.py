# SPDX-License-Identifier: Apache-2.0
"""An MCP server of the release before last, over HTTP: it has a handshake, and sessions that end."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

SEARCH = {"name": "search", "description": "Search.", "inputSchema": {"type": "object"}}


class SessionServer:
    """Answers in JSON; forgets its sessions when it is told to.

    Attributes:
        url: Where it is.
        sessions: How many sessions it gave out.
        headers: Headers of the last request.
    """

    def __init__(self) -> None:
        self.sessions = 0
        self.headers: dict[str, str] = {}
        self.is_forgetful = False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                owner.headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer, session = owner.answer(body)
                text = json.dumps(answer).encode() if answer is not None else b""
                self.send_response(status)
                if session is not None:
                    self.send_header("mcp-session-id", session)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self) -> None:
                self.send_response(405)
                self.send_header("content-length", "0")
                self.end_headers()

            do_DELETE = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/mcp"

    def answer(self, body: dict[str, Any]) -> tuple[int, object, str | None]:
        """Status, body and session of the answer to a request."""
        method = body["method"]
        if "id" not in body:
            return 202, None, None
        if self.is_forgetful and method == "tools/call":
            self.is_forgetful = False
            return 404, {}, None
        session = None
        if method == "initialize":
            self.sessions += 1
            session = f"session-{self.sessions}"
            result: dict[str, Any] = {
                "protocolVersion": body["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "old", "version": "1"},
            }
        elif method == "tools/list":
            result = {"tools": [SEARCH]}
        elif method == "tools/call" and body["params"]["name"] == "search":
            result = {"content": [{"type": "text", "text": "found"}]}
        else:
            error = {"code": -32602, "message": "no such thing"}
            return 200, {"jsonrpc": "2.0", "id": body["id"], "error": error}, None
        return 200, {"jsonrpc": "2.0", "id": body["id"], "result": result}, session

    def __enter__(self) -> SessionServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
