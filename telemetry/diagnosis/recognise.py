# SPDX-License-Identifier: Apache-2.0
"""What does a port speak? Asked by the first bytes of each protocol, with sockets only."""

from __future__ import annotations

import contextlib
import socket
import ssl
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HTTP2_HELLO", "Speech", "exchange", "is_http2", "is_plain_text", "offers_http2", "recognise"]

HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""Connection preface and an empty SETTINGS frame (RFC 9113, 3.4): what a gRPC client says first."""

_SETTINGS = 4
_FRAME_HEADER_BYTES = 9
# The server is no TLS server when OpenSSL cannot read its first record.
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
)


class Speech(Enum):
    """What a port turned out to speak."""

    HTTP2 = auto()
    HTTP1 = auto()
    TLS = auto()
    SILENT = auto()
    UNKNOWN = auto()


def recognise(host: str, port: int, timeout_s: float, *, context: ssl.SSLContext | None = None) -> Speech:
    """Find out what a port speaks, by up to three connections.

    Args:
        host: Host name or address.
        port: TCP port.
        timeout_s: How long each connection may take.
        context: Speak inside TLS; without it, TLS itself is one of the answers.
    """
    try:
        answer = _ask(host, port, timeout_s, HTTP2_HELLO, context)
    except TimeoutError:
        # An HTTP/1 server would have complained and a TLS server hung up: nobody is at home.
        return Speech.SILENT
    if is_http2(answer):
        return Speech.HTTP2
    if context is None and _speaks_tls(host, port, timeout_s):
        return Speech.TLS
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii", "replace")
    try:
        answer = _ask(host, port, timeout_s, request, context)
    except TimeoutError:
        return Speech.UNKNOWN
    return Speech.HTTP1 if answer.startswith(b"HTTP/1") else Speech.UNKNOWN


def is_http2(first_bytes: bytes) -> bool:
    """Whether a server's first bytes are a SETTINGS frame."""
    return (
        len(first_bytes) >= _FRAME_HEADER_BYTES and first_bytes[3] == _SETTINGS and not any(first_bytes[5:9])
    )


def is_plain_text(err: ssl.SSLError) -> bool:
    """Whether a failed handshake means that the server does not speak TLS at all."""
    return (err.reason or "") in _NOT_TLS


def _ask(host: str, port: int, timeout_s: float, question: bytes, context: ssl.SSLContext | None) -> bytes:
    """The first bytes of the answer; empty when the server hangs up."""
    try:
        with socket.create_connection((host, port), timeout_s) as plain:
            if context is None:
                return exchange(plain, question)
            with context.wrap_socket(plain, server_hostname=host) as encrypted:
                return exchange(encrypted, question)
    except TimeoutError:
        raise
    except OSError:
        return b""


def exchange(connection: socket.socket, question: bytes) -> bytes:
    """Say something and return the first bytes of the answer, as many as a frame header has."""
    connection.sendall(question)
    answer = b""
    while len(answer) < _FRAME_HEADER_BYTES:
        more = connection.recv(_FRAME_HEADER_BYTES)
        if not more:
            break
        answer += more
    return answer


def offers_http2(host: str, port: int, timeout_s: float) -> bool:
    """Whether a TLS server agrees to HTTP/2, as every gRPC server does."""
    try:
        with _stranger(host, port, timeout_s) as encrypted:
            return encrypted.selected_alpn_protocol() == "h2"
    except OSError:
        return False


def _speaks_tls(host: str, port: int, timeout_s: float) -> bool:
    try:
        with _stranger(host, port, timeout_s):
            return True
    except ssl.SSLError as err:
        # An alert (a client certificate is missing, no common version) is TLS as well.
        return "ALERT" in (err.reason or "")
    except OSError:
        return False


@contextlib.contextmanager
def _stranger(host: str, port: int, timeout_s: float) -> Iterator[ssl.SSLSocket]:
    """Shake hands without asking who the server is: nothing is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, port), timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        yield encrypted
