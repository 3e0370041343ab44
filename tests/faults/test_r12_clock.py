# SPDX-License-Identifier: Apache-2.0
"""R12: a clock that jumps never makes a negative duration; children stay inside parents, events inside spans.

A process works in spans while its wall clock (libfaketime's) is set back an hour and then put right again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from support.fault_clock import FakeClock

PROGRAM = """
import json, select, sys, time
# libfaketime takes what `time.sleep` asks of the monotonic clock for wall time, and it fails.
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
from opentelemetry import trace
import telemetry

pipeline = telemetry.init("tests", exporter="memory", flush_interval_seconds=0.1)
library = trace.get_tracer("library")

def answer(line):
    print(line, flush=True)
    sys.stdin.readline()

def wait_for_jump(is_there):
    while not is_there(time.time()):
        time.sleep(0.01)

began = time.time()
with telemetry.observe(name="root") as root:
    with library.start_as_current_span("before"):
        time.sleep(0.01)
    answer("set back")
    wait_for_jump(lambda now: now < began - 3000)
    with library.start_as_current_span("child") as child:
        child.add_event("inside")
        child.record_exception(ValueError("no"))
        time.sleep(0.01)
    with telemetry.observe(name="ours"):
        pass
with telemetry.observe(name="new root"):
    fresh = time.time_ns()
answer("put right")
wait_for_jump(lambda now: now > began - 3000)
with telemetry.observe(name="newest root"):
    newest = time.time_ns()
pipeline.force_flush(10)
spans = {
    span.name: [span.start_time, span.end_time, *(event.timestamp for event in span.events)]
    for span in pipeline.exporters["memory"].spans.get_finished_spans()
}
print(json.dumps({"spans": spans, "new root": fresh, "newest root": newest}))
"""


def test_spans_of_a_trace_keep_their_order_whatever_the_clock_does(tmp_path):
    clock = FakeClock(tmp_path)
    environment = {**os.environ, **clock.environment}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, seconds in (("set back", 3600), ("put right", 0)):
            assert process.stdout.readline().strip() == line
            clock.set_back(seconds)
            process.stdin.write("\n")
            process.stdin.flush()
        told = json.loads(process.stdout.readline())
    spans = told["spans"]

    assert set(spans) == {"root", "before", "child", "ours", "new root", "newest root"}
    root_start, root_end = spans["root"]
    for start, end, *events in spans.values():
        assert start <= end < start + 60e9
        assert all(start <= event <= end for event in events)
    for name in ("before", "child", "ours"):
        assert root_start <= spans[name][0] <= spans[name][1] <= root_end
    assert spans["before"][1] <= spans["child"][0] <= spans["ours"][0]
    assert len(spans["child"]) == 4
    # A new root goes by the clock as it is now.
    for name in ("new root", "newest root"):
        assert abs(spans[name][0] - told[name]) < 1e9
