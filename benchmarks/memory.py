# SPDX-License-Identifier: Apache-2.0
"""P11: what 10 000 series take in memory beyond the SDK's own, and whether a long run of errors grows.

Resident memory of a process for each side, after a collection: the difference to the same process before its
first series. The readers keep nothing.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

from harness import Row, Timing, WrongResultError, check, emit

SERIES = 10_000
ERRORS = 1_000_000
SIDES = ("ours", "sdk", "errors")


def measure(is_quick: bool) -> list[Row]:
    del is_quick  # the figures do not get better with repetition
    used = {side: _run_side(side) for side in SIDES}
    beyond = (used["ours"] - used["sdk"]) / SERIES
    growth = used["errors"] / 1024
    each, peer = _bytes(used["ours"] / SERIES), _bytes(used["sdk"] / SERIES)
    series = Row("P11", f"{SERIES} series, each", each, "SDK", peer, beyond, "<= 1024 B", beyond <= 1024)
    series.unit, series.ratio_unit = "B", " B more"
    run = Row("P11", f"{ERRORS} errors, growth", None, "", None, growth, "<= 1024 KiB", growth <= 1024)
    run.ratio_unit = " KiB"
    return [series, run]


def _bytes(value: float) -> Timing:
    return Timing(value, value)


def _run_side(side: str) -> float:
    done = subprocess.run(
        [sys.executable, __file__, side], stdout=subprocess.PIPE, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise WrongResultError(f"{side} ended with {done.returncode}")
    return float(json.loads(done.stdout))


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _attributes(n: int) -> dict[str, str]:
    return {"error.code": "timeout", "component": f"component-{n}", "recoverable": "true"}


def _ours() -> int:
    import sdk

    import telemetry

    provider, reader = _global_provider()
    with telemetry.init("bench", "1", exporter="inherit", cardinality_limit=SERIES + 1):
        counter = telemetry.counter("bench.memory")
        counter.bind({}).inc()
        reader.get_metrics_data()
        before = _resident()
        for n in range(SERIES):
            counter.bind(_attributes(n)).inc()
        check(sdk.total(reader, "bench.memory") == SERIES + 1, "not every series was collected")
        used = _resident() - before
    provider.shutdown()
    return used


def _sdk() -> int:
    import sdk

    provider, reader = _global_provider()
    counter = provider.get_meter("bench").create_counter("bench.memory")
    counter.add(1, {})
    reader.get_metrics_data()
    before = _resident()
    for n in range(SERIES):
        counter.add(1, _attributes(n))
    check(sdk.total(reader, "bench.memory") == SERIES + 1, "not every series was collected")
    return _resident() - before


def _errors() -> int:
    import sdk

    import telemetry

    _, reader = _global_provider()
    with telemetry.init("bench", "1", exporter="inherit"):
        for n in range(ERRORS):
            if n == ERRORS // 10:
                reader.get_metrics_data()
                before = _resident()
            telemetry.record_error(TimeoutError("too long"), component="llm")
        check(sdk.total(reader, "kairos.errors.total") == ERRORS, "the error counter is not exact")
        return _resident() - before


def _global_provider():
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.metrics.view import View

    reader = InMemoryMetricReader()
    # The SDK's own limit of series would end both sides' counting at 2 000.
    views = [View(instrument_name="bench.memory", aggregation_cardinality_limit=SERIES + 2)]
    provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider, reader


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in SIDES:
        print({"ours": _ours, "sdk": _sdk, "errors": _errors}[sys.argv[1]]())
    else:
        emit(measure)
