# SPDX-License-Identifier: Apache-2.0
"""P5: a span around a function that does nothing, beside the SDK and three other decorators.

Every side batches its spans to an exporter that keeps the newest ones in memory. A block is 1 000 calls, so
that no queue is full, and is flushed after the clock has stopped. The other decorators live in environments
of their own (`peers.py`); each runs its blocks in a process that waits for its turn.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import peers
import sdk
from harness import Row, WrongResultError, at_most, check, emit, interleave

import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 1_000


@telemetry.observe(component="tool", name="work", step=1, kind="bench")
def observed() -> None:
    pass


def work() -> None:
    pass


def measure(is_quick: bool) -> list[Row]:
    rounds = 20 if is_quick else 100
    provider, exporter = sdk.traces()
    with telemetry.init("benchmarks", "1", exporter="memory") as handle:
        cases: dict[str, Callable[[int], float]] = {
            "ours": _decorated(lambda: handle.force_flush(10)),
            "with": _context_manager(lambda: handle.force_flush(10)),
            "sdk": _sdk(provider),
        }
        opened, missing = peers.open_all(is_quick)
        try:
            for name, peer in opened.items():
                cases[name] = peer.block
            for block in cases.values():
                block(CALLS)  # once for the caches of every side
            timings = interleave(cases, rounds=rounds, fixed=CALLS)
        finally:
            for peer in opened.values():
                peer.close()
        _check_spans(handle.exporters["memory"].spans.get_finished_spans())
        _check_spans(exporter.spans)
    rows = [
        at_most("P5", "@observe", timings["ours"], "SDK start_as_current_span", timings["sdk"], 0.85),
        at_most(
            "P5", "with observe(...)", timings["with"], "SDK start_as_current_span", timings["sdk"], 0.85
        ),
    ]
    for name, label in peers.LABELS.items():
        if name in opened:
            rows.append(at_most("P5", "@observe", timings["ours"], label, timings[name], 0.3))
        else:
            note = f"not measured: {missing[name]}"
            rows.append(Row("P5", "@observe", timings["ours"], label, None, None, "<= 0.3x", None, note=note))
    return rows


def _decorated(flush: Callable[[], object]) -> Callable[[int], float]:
    def run(n: int) -> float:
        turns, function = range(n), observed
        start = time.perf_counter_ns()
        for _ in turns:
            function()
        spent = time.perf_counter_ns() - start
        flush()
        return spent

    return run


def _context_manager(flush: Callable[[], object]) -> Callable[[int], float]:
    def run(n: int) -> float:
        turns, observe, function = range(n), telemetry.observe, work
        start = time.perf_counter_ns()
        for _ in turns:
            with observe(component="tool", name="work", step=1, kind="bench"):
                function()
        spent = time.perf_counter_ns() - start
        flush()
        return spent

    return run


def _sdk(provider: sdk.TracerProvider) -> Callable[[int], float]:
    tracer = provider.get_tracer("bench")

    def run(n: int) -> float:
        turns, begin, function = range(n), tracer.start_as_current_span, work
        start = time.perf_counter_ns()
        for _ in turns:
            with begin("work", attributes={"component": "tool", "step": 1, "kind": "bench"}):
                function()
        spent = time.perf_counter_ns() - start
        provider.force_flush()
        return spent

    return run


def _check_spans(spans) -> None:
    if len(spans) < CALLS:
        raise WrongResultError(f"only {len(spans)} spans arrived")
    for span in list(spans)[-CALLS:]:
        attributes = dict(span.attributes or {})
        check(span.name == "work", f"a span is named {span.name!r}")
        check(span.end_time >= span.start_time, "a span ended before it began")
        check(
            (attributes.get("component"), attributes.get("step"), attributes.get("kind"))
            == ("tool", 1, "bench"),
            f"a span lacks its attributes: {attributes}",
        )


if __name__ == "__main__":
    emit(measure)
