# SPDX-License-Identifier: Apache-2.0
"""Which server a client asks, as attributes."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["server_attributes"]

_PORTS = {"http": 80, "https": 443}


def server_attributes(url: str) -> dict[str, str | int]:
    """Returns `server.address` and `server.port` of a base URL.

    Args:
        url: The base URL; one without a host has no attributes.
    """
    parts = urlsplit(url)
    if parts.hostname is None:
        return {}
    attributes: dict[str, str | int] = {"server.address": parts.hostname}
    port = parts.port or _PORTS.get(parts.scheme)
    if port is not None:
        attributes["server.port"] = port
    return attributes
