# SPDX-License-Identifier: Apache-2.0
"""Does a proxy from the environment stand between an exporter and its endpoint?"""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from telemetry.diagnosis.targets import GRPC, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Proxy", "proxy_for"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the exporter would use.

    Attributes:
        variable: The environment variable that names it.
        host: Its host.
        port: Its port.
        authorization: Value of `Proxy-Authorization`, a secret; empty without user and password.
    """

    variable: str
    host: str
    port: int
    authorization: str = ""


def proxy_for(target: Target, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that applies to a target by the rules of its exporter's library, or None.

    gRPC reads lower-case variables only, and uses the HTTPS proxy whatever the endpoint; requests
    reads both spellings and goes by the endpoint's scheme.
    """
    if target.exporter == GRPC:
        names: tuple[str, ...] = ("grpc_proxy", "https_proxy", "http_proxy")
        exceptions = environ.get("no_grpc_proxy") or environ.get("no_proxy", "")
    else:
        scheme = "https" if target.is_secure else "http"
        names = tuple(
            spelling for name in (scheme, "all") for spelling in (f"{name}_proxy", f"{name}_proxy".upper())
        )
        exceptions = environ.get("no_proxy") or environ.get("NO_PROXY", "")
    variable = next((name for name in names if environ.get(name)), None)
    if variable is None or _is_excepted(target.host, exceptions):
        return None
    value = environ[variable]
    parts = urlsplit(value if "//" in value else f"//{value}")
    authorization = ""
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(login.encode()).decode()}"
    return Proxy(variable, parts.hostname or "", parts.port or 80, authorization)


def _is_excepted(host: str, exceptions: str) -> bool:
    """Whether a `no_proxy` list names the host: by name, by domain, by address range, or all with `*`."""
    for entry in filter(None, (part.strip().lower() for part in exceptions.split(","))):
        domain = entry.lstrip("*.")
        if entry == "*" or host.lower() == domain or host.lower().endswith(f".{domain}"):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            continue  # a name on one side or the other
    return False
