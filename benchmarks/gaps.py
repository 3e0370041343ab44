# SPDX-License-Identifier: Apache-2.0
"""P9: the longest gap that an export of 1 000 series opens in a busy application loop.

Each side runs in a process of its own, and so does the receiver: what they do must not hold the other's
interpreter lock. They take turns, window by window, so that a busy moment of the machine meets all. The loop
does nothing but look at the clock; the longest time between two looks, in a window in which one export
happens, is a sample. The same loop without an export, for as long as ours takes, says what the machine does;
the processor time that other threads of the process took in one gap says what is ours on a busy machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from harness import Row, Timing, WrongResultError, check, emit

SERIES = 1_000
SIDES = ("ours", "sdk", "idle")
NOTABLE_NS = 100_000  # shorter gaps are the loop's own


def measure(is_quick: bool) -> list[Row]:
    windows = 10 if is_quick else 30
    here = Path(__file__)
    gaps: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
    with ExitStack() as stack:
        receiver = stack.enter_context(_process(str(here.with_name("receiver.py"))))
        endpoint = _line(receiver)
        sides = {side: stack.enter_context(_process(__file__, side, endpoint)) for side in SIDES}
        for _ in range(windows + 1):
            for side, process in sides.items():
                gaps[side].append(_window(side, process))
    # The first window of each side imports, connects and fills caches.
    (ours, own), (peer, peers_own), (idle, _) = (
        [Timing.of(list(samples)) for samples in zip(*gaps[side][1:], strict=True)] for side in SIDES
    )
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
    row.extra = {
        "gap without an export, ms": idle.median / 1e6,
        "processor time of the export in one gap, ms": own.median / 1e6,
        "likewise of the SDK's, ms": peers_own.median / 1e6,
    }
    return [row]


def _process(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OTEL_METRIC_EXPORT_INTERVAL": "3600000"},
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _window(side: str, process: subprocess.Popen[str]) -> tuple[float, float]:
    """Lets a side export once; returns its longest gap and the most that others did in one, in ns."""
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()
    said = _line(process)
    if not said:
        raise WrongResultError(f"{side} ended with {process.wait()}")
    longest, most = map(float, said.split())
    return longest, most


def _side(side: str, endpoint: str) -> None:
    """Exports once for each line that it is given, until there are no more."""
    export = {"ours": _ours, "sdk": _sdk, "idle": lambda _: lambda: time.sleep(0.5)}[side](endpoint)
    for _ in sys.stdin:
        print(*_longest_gap(export), flush=True)


def _longest_gap(export) -> tuple[int, int]:
    """The longest gap of the loop, from before one export until after it, and what others did in one."""
    ended = threading.Event()

    def run() -> None:
        export()
        ended.set()

    thread = threading.Thread(target=run)
    longest = most = 0
    thread.start()
    others, last = _others_ns(), time.perf_counter_ns()
    while not ended.is_set():
        now = time.perf_counter_ns()
        if now - last > NOTABLE_NS:
            longest = max(longest, now - last)
            before, others = others, _others_ns()
            most = max(most, others - before)
            now = time.perf_counter_ns()
        last = now
    thread.join()
    return longest, most


def _others_ns() -> int:
    """Processor time of this process's other threads."""
    return time.process_time_ns() - time.thread_time_ns()


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
        _side(sys.argv[1], sys.argv[2])
    else:
        emit(measure)
