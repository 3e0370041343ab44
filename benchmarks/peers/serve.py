# SPDX-License-Identifier: Apache-2.0
"""What the peers' scripts share; it runs in their environments, on the standard library and the SDK there."""

from __future__ import annotations

import gc
import json
import os
import sys
import time

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class Counting(SpanExporter):
    """Counts what is exported, and keeps the last span."""

    def __init__(self) -> None:
        self.exported = 0
        self.last = None

    def export(self, spans):
        self.exported += len(spans)
        self.last = spans[-1]
        return SpanExportResult.SUCCESS


def serve(function, flush, exporter) -> None:
    """Answer every number of calls on stdin with what they took and how many spans they exported."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the peer prints goes to stderr
    for line in sys.stdin:
        n = int(line)
        exporter.exported = 0
        turns = range(n)
        gc.collect()
        gc.disable()
        start = time.perf_counter_ns()
        for _ in turns:
            function()
        spent = time.perf_counter_ns() - start
        gc.enable()
        flush()
        if exporter.last is None or not exporter.last.name.startswith("work"):
            sys.exit(f"the span is named {exporter.last and exporter.last.name!r}")
        answers.write(json.dumps({"ns": spent, "spans": exporter.exported}) + "\n")
        answers.flush()
