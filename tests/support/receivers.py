# SPDX-License-Identifier: Apache-2.0
"""The real receivers that this machine has: rotel always, the OpenTelemetry Collector where it is on PATH."""

from __future__ import annotations

from support import otelcol
from support.otelcol import Otelcol
from support.rotel import Rotel

Receiver = Rotel | Otelcol
RECEIVERS: tuple[type[Receiver], ...] = (Rotel, Otelcol) if otelcol.binary() else (Rotel,)
