# SPDX-License-Identifier: Apache-2.0
"""Where OTLP goes: `host:port` or a URL, taken apart and checked."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from telemetry.config.problems import RejectedError

__all__ = ["Endpoint", "parse_endpoint"]

_ALLOWED = "host:port, or a URL that starts with http:// or https://"
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_SIGNAL_PATH = re.compile(r"/v1/(metrics|traces|logs)/?$")


class Endpoint(NamedTuple):
    """An OTLP endpoint.

    Attributes:
        scheme: `http`, `https`, or empty for a bare `host:port`.
        host: Name or address, IPv6 without brackets.
        port: None where a URL leaves it to its scheme.
        path: Starts with a slash or is empty; never ends with one.
        user: User of a URL; empty when it has none.
        password: Password of a URL, secret.
    """

    scheme: str
    host: str
    port: int | None
    path: str = ""
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.text!r})"

    @property
    def text(self) -> str:
        """The endpoint as one writes it, without user and password."""
        return f"{self.scheme}://{self.authority}{self.path}" if self.scheme else self.authority

    @property
    def authority(self) -> str:
        """Host and, if it has one, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine: `localhost`, 127.0.0.0/8 or ::1."""
        if self.host.lower().rstrip(".") == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def grpc_target(self) -> str:
        """`host:port` for gRPC; a URL without a port means 443 for https, OTLP's 4317 for http."""
        if self.port is not None:
            return self.authority
        return f"{self.authority}:{443 if self.scheme == 'https' else 4317}"

    def http_base_url(self, *, is_insecure: bool) -> str:
        """The base URL for OTLP over HTTP.

        Args:
            is_insecure: Decides the scheme of a bare `host:port`.

        Returns:
            A URL without a slash at its end; `/v1/traces` and its like are appended to it.
        """
        scheme = self.scheme or ("http" if is_insecure else "https")
        return f"{scheme}://{self.authority}{self.path}"


def parse_endpoint(value: object) -> Endpoint:
    """Take an endpoint apart.

    Args:
        value: `host:port` (IPv6 as `[::1]:4317`) or an http or https URL.

    Returns:
        Its parts.

    Raises:
        RejectedError: It is neither; the reason says in which way.
    """
    if not isinstance(value, str):
        raise RejectedError("not text", allowed=_ALLOWED)
    text = value.strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise RejectedError("has characters that no address has", allowed=_ALLOWED)
    scheme, separator, _ = text.partition("://")
    scheme = scheme.lower() if separator else ""
    if separator and scheme not in ("http", "https"):
        raise RejectedError(f"the scheme {scheme!r} is none of OTLP's", allowed=_ALLOWED)
    try:
        parts = urlsplit(text if separator else f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:  # brackets that do not pair, a port that is no number from 0 to 65535
        raise RejectedError("host or port is malformed", allowed=f"{_ALLOWED}; ports 1 to 65535") from None
    _check_host(host, is_ipv6="[" in parts.netloc)
    if port == 0:
        raise RejectedError("port 0 cannot be connected to", allowed="ports 1 to 65535")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise RejectedError(
            "has a query or a fragment", allowed=_ALLOWED, fix="Leave out what follows ? or #"
        )
    path = parts.path.rstrip("/")
    if not separator:
        _check_bare(port, path)
    if _SIGNAL_PATH.search(path):
        raise RejectedError(
            "has the path of one signal",
            allowed="a base URL",
            fix="Leave out /v1/..., it is appended for each signal",
        )
    return Endpoint(scheme, host, port, path, unquote(parts.username or ""), unquote(parts.password or ""))


def _check_host(host: str, *, is_ipv6: bool) -> None:
    if is_ipv6:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise RejectedError("not an IPv6 address", allowed="an address such as [::1]:4317") from None
    elif not host:
        raise RejectedError("has no host", allowed=_ALLOWED)
    elif not _HOST.fullmatch(host):
        raise RejectedError("the host is not a name or an address", allowed=_ALLOWED)


def _check_bare(port: int | None, path: str) -> None:
    if path:
        raise RejectedError(
            "has a path but no scheme", allowed=_ALLOWED, fix="Put http:// or https:// before it"
        )
    if port is None:
        raise RejectedError(
            "has no port", allowed=_ALLOWED, fix="Add one: 4317 is usual for gRPC, 4318 for HTTP"
        )
