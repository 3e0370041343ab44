# SPDX-License-Identifier: Apache-2.0
"""Real servers on 127.0.0.1 that answer OTLP wrongly, or refuse, in every way that doctor tells apart."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
import trustme
from support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "127.0.0.1"
SIGNALS = {"MetricsService": "metrics", "TraceService": "trace", "LogsService": "logs"}

closed_port = free_port  # as long as nobody listens there


@contextlib.contextmanager
def raw_server(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """A TCP server that gives each connection to `answer` and then closes it."""
    listener = socket.create_server((HOST, 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        # close() alone leaves accept() waiting.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Accepts connections and never says a word."""
    with socket.create_server((HOST, 0)) as listener:  # the kernel accepts for us
        yield int(listener.getsockname()[1])


@contextlib.contextmanager
def deaf_server() -> Iterator[int]:
    """Its queue of connections is full: further attempts get no answer, as behind a firewall."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HOST, 0), backlog=0))
        address = listener.getsockname()
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(address)
        yield int(address[1])


@dataclass(frozen=True)
class Pair:
    """PEM files of a certificate and its key."""

    certificate: Path
    key: Path


@dataclass
class Authority:
    """A certificate authority with its files in a directory."""

    directory: Path
    name: str = "ca"
    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def file(self) -> Path:
        path = self.directory / f"{self.name}.pem"
        self.ca.cert_pem.write_to_path(path)
        return path

    def issue(self, *names: str, file: str = "server", **options: Any) -> Pair:
        issued = self.ca.issue_cert(*names, **options)
        pair = Pair(self.directory / f"{self.name}-{file}.pem", self.directory / f"{self.name}-{file}.key")
        pair.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(pair.key)
        return pair


@contextlib.contextmanager
def tls_server(
    authority: Authority, answer: Callable[[ssl.SSLSocket], object], **options: Any
) -> Iterator[int]:
    """A TLS server that gives each connection to `answer` after the handshake; options set its context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = authority.issue(HOST)
    context.load_cert_chain(pair.certificate, pair.key)
    for name, value in options.items():
        setattr(context, name, value)

    def serve(connection: socket.socket) -> None:
        connection.settimeout(3)
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as encrypted:
            answer(encrypted)

    with raw_server(serve) as port:
        yield port


def read_request(connection: socket.socket) -> bytes:
    """Read a whole request: closing a socket with unread data would take the answer with it."""
    data = b""
    while more := connection.recv(65536):
        data += more
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and len(body) >= (int(length[1]) if length else 0):
            break
    return data


def reset(connection: socket.socket) -> None:
    """Break a connection without a good-bye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass
class Seen:
    """What a server received: (path or service, headers, body or request)."""

    port: int
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextlib.contextmanager
def grpc_server(
    answer: bytes | tuple[grpc.StatusCode, str] = b"",
    *,
    tls: Pair | None = None,
    client_ca: Path | None = None,
) -> Iterator[Seen]:
    """An OTLP/gRPC receiver that gives every request the same answer: response bytes, or a status."""

    def export(request: bytes, context: grpc.ServicerContext, service: str) -> bytes:
        headers = {str(key): str(value) for key, value in context.invocation_metadata()}
        seen.requests.append((service, headers, request))
        if isinstance(answer, bytes):
            return answer
        context.abort(*answer)
        return None

    def handler(service: str) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(lambda request, context: export(request, context, service))

    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        for service, package in SIGNALS.items():
            name = f"opentelemetry.proto.collector.{package}.v1.{service}"
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(name, {"Export": handler(service)}),)
            )
        if tls is None:
            port = server.add_insecure_port(f"{HOST}:0")
        else:
            roots = None if client_ca is None else client_ca.read_bytes()
            keys = [(tls.key.read_bytes(), tls.certificate.read_bytes())]
            credentials = grpc.ssl_server_credentials(keys, roots, client_ca is not None)
            port = server.add_secure_port(f"{HOST}:0", credentials)
        seen = Seen(port)
        server.start()
        try:
            yield seen
        finally:
            server.stop(0).wait(5)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or fail the handshake are what the tests are about."""


@contextlib.contextmanager
def http_server(
    status: int = 200,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    tls: Pair | None = None,
    client_ca: Path | None = None,
) -> Iterator[Seen]:
    """An OTLP/HTTP receiver that gives every request the same answer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            sent = {name.lower(): value for name, value in self.headers.items()}
            seen.requests.append((self.path, sent, self.rfile.read(length)))
            self.send_response(status)
            for name, value in {"Content-Type": "application/x-protobuf", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815  # the name is http.server's

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is http.server's
            """Stay quiet."""

    server = _QuietServer((HOST, 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        # In the connection's own thread, so that a bad handshake does not stop the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    seen = Seen(int(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextlib.contextmanager
def connect_proxy(refusal: bytes = b"", wanted_login: str = "") -> Iterator[Seen]:
    """An HTTP proxy: tunnels for CONNECT, forwards everything else, or refuses all with `refusal`."""

    def handle(client: socket.socket) -> None:
        client.settimeout(2)
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(4096)
            if not more:
                return  # somebody who only looked whether the port is open
            head += more
        line, _, rest = head.decode("latin-1").partition("\r\n")
        seen.requests.append((line, {"head": rest}, b""))
        if refusal or (wanted_login and wanted_login not in rest):
            client.sendall(
                refusal or b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            )
            return
        method, where, _ = line.split(" ")
        host, _, port = where.removeprefix("http://").partition("/")[0].rpartition(":")
        with socket.create_connection((host, int(port)), 2) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(head)
            _pump_both(client, server)

    def serve_in_thread(client: socket.socket) -> None:
        own = client.dup()  # the accept loop closes its own copy

        def serve() -> None:
            with own, contextlib.suppress(OSError):
                handle(own)

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()

    threads: list[threading.Thread] = []
    with raw_server(serve_in_thread) as port:
        seen = Seen(port)
        yield seen
    for thread in threads:
        thread.join(5)


def _pump_both(client: socket.socket, server: socket.socket) -> None:
    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    backwards = threading.Thread(target=pump, args=(server, client), daemon=True)
    backwards.start()
    pump(client, server)
    backwards.join(5)
