# SPDX-License-Identifier: Apache-2.0
"""P9: the longest gap that an export of 1 000 series opens in a busy application loop.

Each side runs in a process of its own, and so does the receiver: what they do must not hold the other's
interpreter lock. The loop does nothing but look at the clock; the longest time between two looks, in a window
in which one export happens, is a sample. The same loop without an export says what the machine itself does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from harness import Row, Timing, WrongResultError, check, emit

SERIES = 1_000
SIDES = ("ours", "sdk", "idle")


def measure(is_quick: bool) -> list[Row]:
    windows = 10 if is_quick else 30
    here = Path(__file__)
    with subprocess.Popen(
        [sys.executable, str(here.with_name("receiver.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as receiver:
        assert receiver.stdin
        assert receiver.stdout
        endpoint = receiver.stdout.readline().strip()
        try:
            gaps = {side: _run_side(side, endpoint, windows) for side in SIDES}
        finally:
            receiver.stdin.close()
    ours, peer, idle = (Timing.of(gaps[side]) for side in SIDES)
    row = Row(
        "P9",
        f"longest gap, {SERIES} series exported",
        ours,
        "SDK",
        peer,
        ours.median / 1e6,
        "<= 1.5 ms",
        None,
    )
    row.unit, row.ratio_unit, row.is_met = "ms", " ms", ours.median <= 1.5e6
    row.extra = {"gap without an export, ms": idle.median / 1e6}
    return [row]


def _run_side(side: str, endpoint: str, windows: int) -> list[float]:
    done = subprocess.run(
        [sys.executable, __file__, side, endpoint, str(windows)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"OTEL_METRIC_EXPORT_INTERVAL": "3600000"},
    )
    if done.returncode:
        raise WrongResultError(f"{side} ended with {done.returncode}")
    samples: list[float] = json.loads(done.stdout)
    return samples


def _side(side: str, endpoint: str, windows: int) -> None:
    export = {"ours": _ours, "sdk": _sdk, "idle": lambda _: lambda: time.sleep(0.05)}[side](endpoint)
    export()  # the first one imports and connects
    json.dump([_longest_gap(export) for _ in range(windows)], sys.stdout)


def _longest_gap(export) -> float:
    """The longest gap of the loop in nanoseconds, from before one export until after it."""
    ended = threading.Event()

    def run() -> None:
        export()
        ended.set()

    thread = threading.Thread(target=run)
    longest, last = 0, time.perf_counter_ns()
    thread.start()
    while not ended.is_set():
        now = time.perf_counter_ns()
        longest = max(longest, now - last)
        last = now
    thread.join()
    return float(longest)


def _ours(endpoint: str):
    import telemetry

    handle = telemetry.init(
        "bench",
        "1",
        exporter="otlp",
        otlp_endpoint=endpoint,
        otlp_insecure=True,
        metric_interval_seconds=3600,
    )
    counter = telemetry.counter("bench.gaps")
    cells = [counter.bind({"series": str(n), "component": "llm"}) for n in range(SERIES)]
    for cell in cells:
        cell.inc()

    def export() -> None:
        result = handle.force_flush(10)
        check(result.is_complete, f"the export failed: {result}")

    return export


def _sdk(endpoint: str):
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = OTLPMetricExporter(endpoint=endpoint, insecure=True, compression=Compression.Gzip)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)])
    counter = provider.get_meter("bench").create_counter("bench.gaps")

    for n in range(SERIES):
        counter.add(1, {"series": str(n), "component": "llm"})

    def export() -> None:
        check(provider.force_flush(10_000), "the export failed")

    return export


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in SIDES:
        _side(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        emit(measure)
