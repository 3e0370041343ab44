# SPDX-License-Identifier: Apache-2.0
"""What spans tell of a model's requests: which server is asked, and with which parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

from telemetry import conventions

__all__ = ["Attributes", "request_attributes", "server_attributes"]

Attributes = dict[str, str | int | float | tuple[str, ...]]

_PORTS = MappingProxyType({"http": 80, "https": 443})

_NUMBERS = MappingProxyType(
    {
        "max_tokens": conventions.REQUEST_MAX_TOKENS,
        "max_completion_tokens": conventions.REQUEST_MAX_TOKENS,
        "temperature": conventions.REQUEST_TEMPERATURE,
        "top_p": conventions.REQUEST_TOP_P,
        "top_k": conventions.REQUEST_TOP_K,
        "frequency_penalty": conventions.REQUEST_FREQUENCY_PENALTY,
        "presence_penalty": conventions.REQUEST_PRESENCE_PENALTY,
        "seed": conventions.REQUEST_SEED,
        "n": conventions.REQUEST_CHOICE_COUNT,
    }
)
"""Fields of both providers' requests, and the attributes that have their numbers."""

_STOPS = ("stop", "stop_sequences")


def server_attributes(url: str) -> Attributes:
    """Returns `server.address` and `server.port` of a base URL.

    Args:
        url: The base URL; one without a host has no attributes.
    """
    parts = urlsplit(url)
    if parts.hostname is None:
        return {}
    attributes: Attributes = {conventions.SERVER_ADDRESS: parts.hostname}
    port = parts.port or _PORTS.get(parts.scheme)
    if port is not None:
        attributes[conventions.SERVER_PORT] = port
    return attributes


def request_attributes(fields: Mapping[str, object]) -> Attributes:
    """Returns the `gen_ai.request.*` attributes of a request's parameters.

    Args:
        fields: Fields of the request; those that have no attribute, or not a value that fits it,
            are left out.
    """
    attributes: Attributes = {}
    for field, name in _NUMBERS.items():
        value = fields.get(field)
        # One choice is what the conventions leave out.
        if isinstance(value, int | float) and not isinstance(value, bool) and (field, value) != ("n", 1):
            attributes[name] = value
    for field in _STOPS:
        stops = fields.get(field)
        if isinstance(stops, str):
            attributes[conventions.REQUEST_STOP_SEQUENCES] = (stops,)
        elif isinstance(stops, Sequence) and stops:
            attributes[conventions.REQUEST_STOP_SEQUENCES] = tuple(str(stop) for stop in stops)
    return attributes
