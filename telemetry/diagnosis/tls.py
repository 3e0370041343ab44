# SPDX-License-Identifier: Apache-2.0
"""The TLS handshake with a target, and what its failures mean."""

from __future__ import annotations

import os
import pkgutil
import socket
import ssl

from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer, Symptom
from telemetry.diagnosis.recognise import (
    HTTP2_HELLO,
    Speech,
    exchange,
    is_http2,
    is_plain_text,
    offers_http2,
    recognise,
)
from telemetry.diagnosis.targets import GRPC, Target
from telemetry.exporters.trust import system_roots

__all__ = ["client_context", "explain_hang_up", "explain_tls_error", "greet", "shake_hands"]

# X509_V_ERR_* of OpenSSL (openssl/x509_vfy.h).
_VERIFICATION: dict[int, Symptom] = {
    9: symptoms.NOT_YET_VALID,
    10: symptoms.EXPIRED,
    62: symptoms.WRONG_NAME,
    64: symptoms.WRONG_NAME,
}
# Alerts about the client's certificate (RFC 8446, 6.2).
_CLIENT_ALERTS = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
    "DECRYPT_ERROR",
)


def client_context(target: Target) -> ssl.SSLContext | Answer:
    """A context that trusts whom the exporter trusts, or the reason why a PEM file cannot be used."""
    # Not create_default_context: from Python 3.13 it is stricter than gRPC and requests are.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        roots = target.certificate or _usual_roots(target)
        if roots is not None:
            context.load_verify_locations(cafile=roots)
        elif target.exporter == GRPC:
            bundle = pkgutil.get_data("grpc._cython", "_credentials/roots.pem")
            context.load_verify_locations(cadata=(bundle or b"").decode())
        else:
            context.load_verify_locations(cafile=_requests_roots())
        if target.client_certificate is not None:
            context.load_cert_chain(target.client_certificate, target.client_key)
    except OSError as err:
        return Answer(symptoms.CERTIFICATE_FILE, str(err.strerror or err))
    context.set_alpn_protocols(["h2" if target.exporter == GRPC else "http/1.1"])
    return context


def _usual_roots(target: Target) -> str | None:
    """The file of roots that the exporter uses without `otlp_certificate`, if this machine has one."""
    if target.exporter == GRPC and (path := os.environ.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")):
        return path
    roots = system_roots()
    return None if roots is None else str(roots)


def _requests_roots() -> str:
    from certifi import where  # requests depends on it, and only the exporter that uses requests comes here

    return where()


def shake_hands(target: Target, context: ssl.SSLContext) -> Answer:
    """Connect, verify the server, and hang up."""
    try:
        with (
            socket.create_connection((target.host, target.port), target.timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=target.host) as encrypted,
        ):
            return Answer(symptoms.TLS_READY, encrypted.version() or "")
    except OSError as err:
        return explain_tls_error(err, target)


def explain_tls_error(err: OSError, target: Target) -> Answer:
    """Say why a handshake failed; where the error does not tell, ask the port what it speaks."""
    if isinstance(err, ssl.SSLCertVerificationError):
        symptom = _VERIFICATION.get(err.verify_code, symptoms.UNTRUSTED)
        return Answer(symptom, f"{target.address} ({err.verify_message.rstrip('.')})")
    if isinstance(err, ssl.SSLError) and not isinstance(err, ssl.SSLEOFError):
        reason = err.reason or str(err)
        if is_plain_text(err):
            return Answer(symptoms.PLAIN_TEXT, target.address)
        if "NO_APPLICATION_PROTOCOL" in reason:
            return _other_protocol(target)
        if any(alert in reason for alert in _CLIENT_ALERTS):
            return _about_client_certificate(target, reason.lower().replace("_", " "))
        return Answer(symptoms.TLS_FAILED, f"{target.address} ({reason.lower().replace('_', ' ')})")
    # It hung up, or it waits for us to say something that it understands.
    speech = recognise(target.host, target.port, target.timeout_s)
    if speech in (Speech.HTTP1, Speech.HTTP2):
        return Answer(symptoms.PLAIN_TEXT, target.address)
    if isinstance(err, TimeoutError):
        return Answer(
            symptoms.SILENT, f"{target.address}, TLS handshake not answered within {target.timeout_s:g} s"
        )
    if target.exporter != GRPC and offers_http2(target.host, target.port, target.timeout_s):
        return _other_protocol(target)
    return Answer(symptoms.TLS_FAILED, f"{target.address} closed the connection during the handshake")


def explain_hang_up(target: Target, context: ssl.SSLContext) -> Answer:
    """Say why a server hangs up after a good handshake.

    With TLS 1.3 the server judges the client's certificate when the client is already done. Its
    reason gets lost when the client is writing at that moment, so this time it only listens.
    """
    try:
        with (
            socket.create_connection((target.host, target.port), target.timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=target.host) as encrypted,
        ):
            words = encrypted.recv(1)
    except TimeoutError:
        words = b"nothing"
    except ConnectionError:
        words = b""
    except OSError as err:
        return explain_tls_error(err, target)
    if words:
        return Answer(symptoms.CLOSED, target.address)
    if target.exporter != GRPC and offers_http2(target.host, target.port, target.timeout_s):
        return _other_protocol(target)
    return _about_client_certificate(target, "it hangs up right after the handshake")


def _other_protocol(target: Target) -> Answer:
    """The server takes part in TLS, but only for the protocol of the other exporter."""
    if target.exporter == GRPC:
        return Answer(symptoms.HTTP_PORT, f"{target.address} does not offer HTTP/2")
    return Answer(symptoms.GRPC_PORT, f"{target.address} offers HTTP/2 only")


def _about_client_certificate(target: Target, reason: str) -> Answer:
    """Mutual TLS did not work out: because we have no certificate, or because it is not liked."""
    if target.client_certificate is None:
        return Answer(symptoms.CLIENT_CERTIFICATE_WANTED, f"{target.address} ({reason})")
    return Answer(symptoms.CLIENT_CERTIFICATE_REFUSED, f"{target.address} ({reason})")


def greet(target: Target, context: ssl.SSLContext | None) -> Answer:
    """Speak the first words of gRPC and see whether the server understands them.

    Args:
        target: Whom to greet.
        context: Speak inside TLS; None for plain text.
    """
    if context is None:
        return _judge(recognise(target.host, target.port, target.timeout_s), target)
    try:
        with (
            socket.create_connection((target.host, target.port), target.timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=target.host) as encrypted,
        ):
            answer = _first_words(encrypted)
    except TimeoutError:
        return _judge(Speech.SILENT, target)
    except OSError as err:
        return explain_tls_error(err, target)
    if is_http2(answer):
        return _judge(Speech.HTTP2, target)
    if not answer:
        verdict = explain_hang_up(target, context)
        if verdict.symptom is not symptoms.CLOSED:
            return verdict
    return _judge(recognise(target.host, target.port, target.timeout_s, context=context), target)


def _first_words(connection: ssl.SSLSocket) -> bytes:
    try:
        return exchange(connection, HTTP2_HELLO)
    except (ConnectionError, ssl.SSLEOFError):
        return b""


def _judge(speech: Speech, target: Target) -> Answer:
    match speech:
        case Speech.HTTP2:
            return Answer(symptoms.SPEAKS_GRPC)
        case Speech.TLS:
            return Answer(symptoms.WANTS_TLS, target.address)
        case Speech.HTTP1:
            return Answer(symptoms.HTTP_PORT, f"{target.address} answers with HTTP/1")
        case Speech.SILENT:
            return Answer(symptoms.SILENT, f"{target.address}, within {target.timeout_s:g} s")
        case _:
            return Answer(symptoms.CLOSED, target.address)
