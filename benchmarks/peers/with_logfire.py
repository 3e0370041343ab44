# SPDX-License-Identifier: Apache-2.0
"""logfire's `instrument`: nothing on the console, nothing sent, spans batched to memory."""

from __future__ import annotations

import logfire
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from serve import Counting, serve

exporter = Counting()
logfire.configure(
    send_to_logfire=False,
    console=False,
    service_name="bench",
    inspect_arguments=False,
    metrics=False,
    additional_span_processors=[BatchSpanProcessor(exporter)],
)


@logfire.instrument("work")
def work() -> None:
    pass


serve(work, logfire.force_flush, exporter)
