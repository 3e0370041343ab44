# SPDX-License-Identifier: Apache-2.0
"""Traceloop's `tool`: nothing sent, spans batched to memory."""

from __future__ import annotations

import os

os.environ |= {
    "TRACELOOP_TELEMETRY": "false",
    "TRACELOOP_METRICS_ENABLED": "false",
    "TRACELOOP_LOGGING_ENABLED": "false",
}

from opentelemetry import trace
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from serve import Counting, serve
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import tool

exporter = Counting()
Traceloop.init(app_name="bench", processor=BatchSpanProcessor(exporter), instruments=set())


@tool(name="work")
def work() -> None:
    pass


serve(work, trace.get_tracer_provider().force_flush, exporter)
