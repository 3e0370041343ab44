# SPDX-License-Identifier: Apache-2.0
"""Resource attributes: `k=v,k2=v2` (percent-decoded) or a mapping.

Source: the OpenTelemetry specification of `OTEL_RESOURCE_ATTRIBUTES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from telemetry.config.problems import RejectedError

__all__ = ["SETTINGS_OF_ATTRIBUTES", "parse_attributes"]

_ALLOWED = "name=value,name2=value2 with commas and percent signs percent-encoded, or a mapping"

SETTINGS_OF_ATTRIBUTES: Mapping[str, str] = {
    "service.name": "service_name",
    "service.version": "service_version",
    "deployment.environment": "environment",  # the name until semantic conventions 1.27
    "deployment.environment.name": "environment",
}
"""Resource attributes that are settings of their own; the later name wins."""


def parse_attributes(value: object) -> dict[str, object]:
    """Read resource attributes.

    Args:
        value: `k=v,k2=v2`, or a mapping to text, numbers, booleans or lists of text.

    Returns:
        Names and values.

    Raises:
        RejectedError: A pair has no name or a value is none of these.
    """
    if isinstance(value, Mapping):
        return {_name(name): _value(item) for name, item in value.items()}
    if not isinstance(value, str):
        raise RejectedError("neither text nor a mapping", allowed=_ALLOWED)
    attributes: dict[str, object] = {}
    for pair in filter(str.strip, value.split(",")):
        name, separator, text = pair.partition("=")
        if not separator:
            raise RejectedError(f"{pair.strip()[:40]!r} has no '='", allowed=_ALLOWED)
        attributes[_name(unquote(name.strip()))] = unquote(text.strip())
    return attributes


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise RejectedError("a name is empty or not text", allowed=_ALLOWED)
    return name.strip()


def _value(item: object) -> object:
    if isinstance(item, str | bool | int | float):
        return item
    if isinstance(item, list | tuple) and all(isinstance(element, str) for element in item):
        return tuple(item)
    raise RejectedError(
        "a value is of a type that no attribute has", allowed="text, numbers, booleans, lists of text"
    )
