# SPDX-License-Identifier: Apache-2.0
"""What an endpoint of ours needs before other machines may reach it: a token, or TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.config.endpoint import Endpoint
from telemetry.config.origin import DEFAULT, Given
from telemetry.config.problems import RejectedError, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.config.resolve import Resolved
    from telemetry.config.settings import Settings

__all__ = ["check_listening"]


def check_listening(config: Settings, resolved: Resolved) -> Iterator[str]:
    """Check the endpoint that Prometheus scrapes.

    Args:
        config: The settings that are right one by one.
        resolved: What the sources said.

    Yields:
        One sentence per problem.
    """
    token = config.prometheus_token
    if token is not None and not _can_stand_in_a_header(token.get_secret_value()):
        yield sentence(
            "prometheus_token",
            resolved.given["prometheus_token"],
            RejectedError("cannot stand in a header", allowed="printable ASCII without spaces"),
        )
    if "prometheus" not in config.all_exporters or Endpoint("", config.prometheus_host, None).is_loopback:
        return
    if {"prometheus_token", "prometheus_certificate"}.isdisjoint(resolved.given):
        yield sentence(
            "prometheus_host",
            resolved.given.get("prometheus_host", Given(config.prometheus_host, DEFAULT)),
            RejectedError(
                "other machines can reach it, and it asks for no token and speaks no TLS",
                allowed="127.0.0.1, ::1, localhost; any address together with prometheus_token, or with "
                "prometheus_certificate and prometheus_key",
                fix="Set prometheus_token, or certificate and key, or leave prometheus_host at 127.0.0.1",
            ),
        )


def _can_stand_in_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
