# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON documents around spans: one resource, one scope, any number of spans, one line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

from telemetry.audit.exporting.attributes import clean_text, string_attribute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.audit.exporting.options import ExportOptions

__all__ = ["Documents", "pairs_of", "resource_attributes"]


class Documents:
    """Puts spans into documents.

    Args:
        options: Name the resource.
        environ: The environment.
    """

    def __init__(self, options: ExportOptions, environ: Mapping[str, str] = os.environ) -> None:
        attributes = ",".join(
            string_attribute(clean_text(name), clean_text(value))
            for name, value in resource_attributes(options, environ).items()
        )
        self._opening = (
            f'{{"resourceSpans":[{{"resource":{{"attributes":[{attributes}]}},'
            '"scopeSpans":[{"scope":{"name":"kairos.audit"},"spans":['
        )

    def document(self, spans: list[str], end: str = "") -> bytes:
        """Returns one document with at least one span.

        Args:
            spans: The spans.
            end: What comes after the document.
        """
        pieces = [*spans]  # joined once: documents are large, and copying them is what costs
        pieces[0] = self._opening + pieces[0]
        pieces[-1] += "]}]}]}" + end
        return ",".join(pieces).encode("ascii")


def resource_attributes(options: ExportOptions, environ: Mapping[str, str]) -> dict[str, str]:
    """Returns what describes the origin of the spans: as options have it, else the standard variables."""
    given = pairs_of(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    name = options.service_name or environ.get("OTEL_SERVICE_NAME") or given.get("service.name") or "audit"
    return {**given, **options.resource, "service.name": name}


def pairs_of(text: str) -> dict[str, str]:
    """Reads `name=value,name2=value2`, percent-decoded; what has no `=` is left out."""
    pairs = (part.partition("=") for part in text.split(","))
    return {
        unquote(name.strip()): unquote(value.strip())
        for name, equals, value in pairs
        if equals and name.strip()
    }
