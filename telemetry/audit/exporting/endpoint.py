# SPDX-License-Identifier: Apache-2.0
"""Where spans are sent: options first, the standard variables after them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from telemetry.audit.errors import AuditError
from telemetry.audit.exporting.documents import pairs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.audit.exporting.options import DeliveryOptions

__all__ = ["Endpoint", "resolve"]

_PATH: Final = "/v1/traces"
_TIMEOUT_S: Final = 10.0
_header_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_header_value = re.compile(r"[\t -~\x80-\xff]*").fullmatch


class Endpoint(NamedTuple):
    """A receiver and how to talk to it.

    Attributes:
        scheme: `http` or `https`.
        host: Its host.
        port: Its port.
        path: Path of requests.
        headers: Headers of requests.
        timeout_s: Longest wait.
        is_gzip: Whether bodies are compressed.
        ca_file: Authorities to trust; empty: the system's.
    """

    scheme: str
    host: str
    port: int
    path: str
    headers: dict[str, str]
    timeout_s: float
    is_gzip: bool
    ca_file: str

    def __str__(self) -> str:
        """The address without what may be secret in it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path.partition('?')[0]}"


def resolve(options: DeliveryOptions, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """Finds out where to send.

    Raises:
        AuditError: There is no endpoint, or a setting is wrong.
    """
    url, is_base, source = _url(options, environ)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AuditError(
            f"{source}={url!r} is no URL ({error}); allowed: http://host:4318 or https://host"
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AuditError(f"{source}={url!r} cannot be used; allowed: http://host:4318 or https://host")
    if parts.username is not None or parts.password is not None:
        raise AuditError(f"{source}: the URL has a user or a password in it; give them in a header instead")
    path = parts.path.rstrip("/") if is_base else parts.path or "/"
    if is_base and not path.endswith(_PATH):
        path += _PATH
    return Endpoint(
        parts.scheme,
        parts.hostname,
        port or (443 if parts.scheme == "https" else 80),
        path + (f"?{parts.query}" if parts.query else ""),
        _headers(options, environ),
        _timeout(options, environ),
        _is_gzip(options, environ),
        str(options.ca_file or _variable(environ, "CERTIFICATE")),
    )


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def _url(options: DeliveryOptions, environ: Mapping[str, str]) -> tuple[str, bool, str]:
    if options.endpoint:
        return options.endpoint, True, "--endpoint"
    for variable, is_base in (
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", False),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", True),
    ):
        if environ.get(variable):
            return environ[variable], is_base, variable
    raise AuditError("there is no endpoint; give --endpoint URL or set OTEL_EXPORTER_OTLP_ENDPOINT")


def _headers(options: DeliveryOptions, environ: Mapping[str, str]) -> dict[str, str]:
    headers = {
        **{name.lower(): value for name, value in pairs_of(_variable(environ, "HEADERS")).items()},
        **{name.strip().lower(): value for name, value in options.headers.items()},
    }
    for name, value in headers.items():
        if not _header_name(name) or not _header_value(value):
            raise AuditError(
                f"the header {name!r} cannot be sent: its name or value has characters that end a header"
            )
    return headers


def _timeout(options: DeliveryOptions, environ: Mapping[str, str]) -> float:
    text = _variable(environ, "TIMEOUT")
    try:
        seconds = (
            options.timeout_s if options.timeout_s is not None else float(text) / 1000 if text else _TIMEOUT_S
        )
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86_400:
        given = options.timeout_s if options.timeout_s is not None else text
        raise AuditError(f"the timeout {given!r} is not possible; allowed: more than 0, less than a day")
    return seconds


def _is_gzip(options: DeliveryOptions, environ: Mapping[str, str]) -> bool:
    name = options.compression or _variable(environ, "COMPRESSION").lower() or "gzip"
    if name not in ("gzip", "none"):
        raise AuditError(f"compression={name!r} is not known; allowed: 'gzip', 'none'")
    return name == "gzip"
