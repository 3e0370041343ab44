# SPDX-License-Identifier: Apache-2.0
"""The HTTP server behind an endpoint that is scraped: threads, time limits, TLS, and a token to ask for."""

from __future__ import annotations

import hmac
import logging
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ScrapeServer", "asking_for", "tls_context"]

_log = logging.getLogger(__name__)
_PATIENCE_S = 5.0


class _Handler(WSGIRequestHandler):
    """One connection; who is silent for five seconds, also in the middle of TLS's greeting, is hung up on."""

    timeout = _PATIENCE_S
    server_version = "kairos"
    sys_version = ""

    def setup(self) -> None:
        super().setup()  # sets the time limit
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.do_handshake()

    def log_message(self, *_: object) -> None:
        """Says nothing: scrapes come every few seconds."""


class ScrapeServer(ThreadingMixIn, WSGIServer):
    """Answers each connection in a thread of its own, from when `serve_forever` runs.

    Args:
        host: Name or address to listen on.
        port: Port to listen on; 0 takes a free one.
        tls: Speaks TLS where given.

    Raises:
        OSError: The address cannot be listened on.
    """

    request_queue_size = 64

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._answering: WeakKeyDictionary[threading.Thread, socket.socket] = WeakKeyDictionary()
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, _, _, _, address = found[0]
        super().__init__((str(address[0]), port), _Handler)

    def server_bind(self) -> None:
        """Binds without asking a name server what this machine is called, as `http.server` would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def get_request(self) -> tuple[Any, Any]:
        """Takes a connection; TLS greets in the connection's own thread, so that nobody holds up others."""
        connection, address = super().get_request()
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            except OSError:  # hung up already, which the caller takes for no connection
                connection.close()
                raise
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts the connection's thread, and remembers it for `hang_up`."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="kairos-prometheus-scrape",
            daemon=True,
        )
        self._answering[thread] = request
        thread.start()

    def hang_up(self, timeout_s: float) -> None:
        """Ends the connections: who has asked is answered, who has not is hung up on.

        Call it after `shutdown`.

        Args:
            timeout_s: How long to wait for the answers under way.
        """
        deadline = time.monotonic() + timeout_s
        connections = list(self._answering.items())
        for _, connection in connections:
            with suppress(OSError):  # over already
                # Of the plain socket, also under TLS, where `SSLSocket.shutdown` would forget the session,
                # and the answer under way would leave in the clear.
                socket.socket.shutdown(connection, socket.SHUT_RD)
        for thread, _ in connections:
            thread.join(max(deadline - time.monotonic(), 0))

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 (socketserver's signature)
        """Notes a connection that broke: strangers who hang up are no news."""
        _log.debug("prometheus: a connection ended early: %r", sys.exc_info()[1])


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Makes what a server needs to speak TLS.

    Args:
        certificate: PEM file, checked already.
        key: PEM file, checked already.

    Raises:
        OSError: One of the files has changed since.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def asking_for(token: str, app: WSGIApplication) -> WSGIApplication:
    """Puts a token in front of an application.

    Args:
        token: What a request must send as `Authorization: Bearer <token>`.
        app: Who answers then.
    """
    expected = f"Bearer {token}".encode()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").encode("utf-8", "replace")
        # The same time whatever is wrong with it, so that nobody can guess it letter by letter.
        if hmac.compare_digest(given, expected):
            return app(environ, start_response)
        start_response(
            "401 Unauthorized",
            [("Content-Type", "text/plain; charset=utf-8"), ("WWW-Authenticate", "Bearer")],
        )
        return [b"this needs the header 'Authorization: Bearer <token>', see prometheus_token\n"]

    return answer
