# SPDX-License-Identifier: Apache-2.0
"""Why a receiver could not be talked to: what gRPC, OpenSSL and the system say of it, in few plain words."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["SETUP_FAILED", "UNKNOWN_CAUSE", "Trouble", "explain"]


class Trouble(NamedTuple):
    """A cause that people know by a name.

    Attributes:
        before: What the sentence says before the receiver's address.
        after: What it says after it: the cause and, where there is one, the remedy.
        needs_somebody: Whether it stays until somebody has changed settings or certificates.
        wants_details: Whether the words that it was found by tell more than the sentence.
    """

    before: str
    after: str
    needs_somebody: bool = False
    wants_details: bool = False


def _no_connection(cause: str, *, needs_somebody: bool = False, wants_details: bool = False) -> Trouble:
    return Trouble("cannot connect to ", f": {cause}", needs_somebody, wants_details)


UNKNOWN_CAUSE: Final = Trouble("cannot connect to ", "", wants_details=True)
"""A connection that could not be made for a reason without a name here."""
SETUP_FAILED: Final = _no_connection("a certificate cannot be used", needs_somebody=True, wants_details=True)
"""Not even tried: only certificates are read before."""

# The first match wins: what says more stands first. gRPC writes BoringSSL's words, requests OpenSSL's.
_KNOWN: Final[tuple[tuple[tuple[str, ...], Trouble], ...]] = (
    (
        (
            "hostname verification check failed",
            "not in peer certificate",
            "hostname mismatch",
            "address mismatch",
        ),
        _no_connection(
            "its certificate is for another name; let otlp_endpoint have that name", needs_somebody=True
        ),
    ),
    (("certificate has expired",), _no_connection("its certificate has expired", needs_somebody=True)),
    (
        ("certificate is not yet valid",),
        _no_connection("its certificate is not valid yet; check both clocks", needs_somebody=True),
    ),
    (
        ("unable to get local issuer", "self signed", "self-signed"),
        _no_connection(
            "its certificate is not trusted; put the PEM file of its authority into otlp_certificate",
            needs_somebody=True,
        ),
    ),
    (
        ("certificate_verify_failed",),
        _no_connection("its certificate is not trusted", needs_somebody=True, wants_details=True),
    ),
    (
        ("certificate_required",),
        _no_connection("it wants a client certificate; set otlp_client_certificate", needs_somebody=True),
    ),
    (
        ("_certificate", "alert_unknown_ca"),  # alerts: what a server says of a client's certificate
        _no_connection(
            "it does not accept our certificate; check otlp_client_certificate", needs_somebody=True
        ),
    ),
    (
        ("wrong_version_number", "ssl: http_request", "packet_length_too_long", "record_layer_failure"),
        _no_connection("it does not speak TLS; let otlp_endpoint begin with http://"),
    ),
    (
        ("failed parsing http/2", "missing selected alpn"),
        _no_connection("it does not speak gRPC; OTLP over HTTP is sent by the exporter otlp-http"),
    ),
    (
        ("badstatusline",),
        _no_connection("it does not speak HTTP; OTLP over gRPC is sent by the exporter otlp"),
    ),
    (
        ("tunnel connection failed: 407", "proxy returned response code 407"),
        _no_connection("the proxy wants a user and a password", needs_somebody=True),
    ),
    (
        ("tunnel connection failed", "proxy returned response code"),
        _no_connection("the proxy refuses", wants_details=True),
    ),
    (
        ("temporary failure in name resolution", "contacting dns servers", "contact dns servers"),
        _no_connection("the name server does not answer"),
    ),
    (
        ("errors resolving", "dns resolution failed", "gaierror"),
        _no_connection("the host name does not resolve"),
    ),
    (("connection refused",), _no_connection("connection refused")),
    (
        ("network is unreachable", "no route to host", "host is down", "network is down"),
        _no_connection("there is no route to it"),
    ),
)
_HANG_UPS: Final = ("socket closed", "connection reset", "remotedisconnected", "ssleoferror", "broken pipe")
# A TLS server hangs up on plain text, and a server that wants our certificate on those who have none.
_HANG_UP_HINTS: Final = {
    False: "if it wants TLS, let otlp_endpoint begin with https://",
    True: "if it wants a client certificate, set otlp_client_certificate",
}


def explain(words: str, *, is_secure: bool) -> Trouble | None:
    """Names the cause of a failure; None for one that has no name here.

    Args:
        words: What gRPC or an exception says; not a server's own words, which may tell of its neighbours.
        is_secure: Whether TLS was to be spoken.
    """
    lowered = words.lower()
    for needles, trouble in _KNOWN:
        if any(needle in lowered for needle in needles):
            return trouble
    if any(needle in lowered for needle in _HANG_UPS):
        return Trouble("", f" closed the connection without an answer; {_HANG_UP_HINTS[is_secure]}")
    return None
