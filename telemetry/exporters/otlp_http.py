# SPDX-License-Identifier: Apache-2.0
"""`otlp-http`: OTLP over HTTP with protobuf bodies (extra `http`)."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from telemetry.errors import MissingExtraError
from telemetry.exporters.base import Exporters, Otlp
from telemetry.exporters.http_transport import HttpTransport
from telemetry.exporters.temporality import preferred_aggregation, preferred_temporality

if TYPE_CHECKING:
    from telemetry.config import Settings

__all__ = ["build"]


def build(config: Settings) -> Exporters:
    """Build the exporter. Imports neither protobuf nor requests: the first request does.

    Each signal goes to the configured base URL plus `/v1/metrics`, `/v1/traces` or `/v1/logs`.

    Raises:
        MissingExtraError: The extra `http` is not installed.
    """
    if find_spec("requests") is None:
        raise MissingExtraError("The otlp-http exporter", "http")
    return Exporters(
        otlp=Otlp(partial(HttpTransport, config), preferred_temporality(), preferred_aggregation())
    )
