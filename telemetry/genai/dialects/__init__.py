# SPDX-License-Identifier: Apache-2.0
"""The dialects: which attributes each family of instrumentors writes, one table per file."""

from __future__ import annotations

from telemetry.genai.dialects import official, openinference, pydantic_ai, traceloop
from telemetry.genai.dialects.dialect import Dialect

__all__ = ["DIALECTS", "Dialect"]

DIALECTS: tuple[Dialect, ...] = (
    openinference.DIALECT,
    traceloop.DIALECT,
    pydantic_ai.DIALECT,
    official.DIALECT,
)
"""The most telling first: several instrumentors write official names beside their own."""
