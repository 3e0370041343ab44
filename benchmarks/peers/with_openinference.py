# SPDX-License-Identifier: Apache-2.0
"""OpenInference's `tool`: spans batched to memory."""

from __future__ import annotations

from openinference.instrumentation import OITracer, TraceConfig
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from serve import Counting, serve

exporter = Counting()
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = OITracer(provider.get_tracer("bench"), config=TraceConfig())


@tracer.tool(name="work")
def work() -> None:
    """Do nothing."""


serve(work, provider.force_flush, exporter)
