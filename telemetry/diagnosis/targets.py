# SPDX-License-Identifier: Apache-2.0
"""Where an OTLP exporter sends to, and how: read from the settings once, for all probes."""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telemetry.config.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.config import Settings

__all__ = ["GRPC", "HTTP", "Target", "grpc_target", "http_target"]

GRPC = "otlp"
HTTP = "otlp-http"


@dataclass(frozen=True, slots=True)
class Target:
    """One OTLP endpoint with everything that the exporter uses to reach it.

    Attributes:
        exporter: The exporter's name in the settings.
        host: Host name or address, without brackets.
        port: TCP port.
        is_secure: Whether TLS is spoken.
        timeout_s: What the exporter allows for one request; every probe step gets as much.
        headers: Sent with each request; their values are secrets.
        is_compressed: Whether bodies are gzipped.
        base_path: What precedes `/v1/...` over HTTP.
        certificate: PEM file of the authorities to trust, instead of the usual ones.
        client_certificate: PEM file for mutual TLS.
        client_key: PEM file of its key.
    """

    exporter: str
    host: str
    port: int
    is_secure: bool
    timeout_s: float
    headers: tuple[tuple[str, str], ...] = ()
    is_compressed: bool = False
    base_path: str = ""
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None

    @property
    def address(self) -> str:
        """`host:port`, with brackets around an IPv6 address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return Endpoint("", self.host, self.port).is_loopback

    @property
    def facts(self) -> dict[str, object]:
        """What remedies may mention."""
        scheme = "https" if self.is_secure else "http"
        return {"exporter": self.exporter, "host": self.host, "port": self.port, "scheme": scheme}

    def mask(self, text: str) -> str:
        """The text without any secret of the headers: servers like to quote what they were sent."""
        for secret in self._secrets():
            # A shorter one would tear ordinary words apart, and is no secret.
            if len(secret) > 3:
                text = text.replace(secret, "***")
        return text

    def _secrets(self) -> Iterator[str]:
        for _, value in self.headers:
            scheme, _, credentials = value.rpartition(" ")
            yield from (value, credentials)
            if scheme.lower() == "basic":
                with contextlib.suppress(ValueError):  # not what Basic asks for: then it has no password
                    yield base64.b64decode(credentials).decode().partition(":")[2]


def grpc_target(config: Settings) -> Target:
    """Where the exporter `otlp` sends to."""
    address, is_insecure = config.grpc_target()
    parts = urlsplit(f"//{address}")
    return _target(config, GRPC, parts.hostname or "", parts.port or 4317, not is_insecure, "")


def http_target(config: Settings) -> Target:
    """Where the exporter `otlp-http` sends to."""
    parts = urlsplit(config.http_base_url())
    is_secure = parts.scheme == "https"
    port = parts.port or (443 if is_secure else 80)
    return _target(config, HTTP, parts.hostname or "", port, is_secure, parts.path.rstrip("/"))


def _target(config: Settings, exporter: str, host: str, port: int, is_secure: bool, base_path: str) -> Target:
    return Target(
        exporter=exporter,
        host=host,
        port=port,
        is_secure=is_secure,
        timeout_s=config.otlp_timeout_seconds,
        headers=tuple(config.headers().items()),
        is_compressed=config.otlp_compression == "gzip",
        base_path=base_path,
        certificate=_path(config.otlp_certificate),
        client_certificate=_path(config.otlp_client_certificate),
        client_key=_path(config.otlp_client_key),
    )


def _path(setting: object) -> str | None:
    return None if setting is None else str(setting)
