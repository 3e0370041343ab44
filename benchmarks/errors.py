# SPDX-License-Identifier: Apache-2.0
"""P2 and P4: an error classified and counted, and put on a span as well, beside the same by hand on the SDK.

An exception is counted once however often it is reported, so every call gets a fresh one on both sides; they
are raised, through nine frames, before the clock starts. Spans are made before, too: one for each error.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sdk
from deep import FRAMES, raised
from harness import Row, at_least, check, emit, interleave
from opentelemetry import metrics as api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

AT_A_TIME = 2_000  # errors that wait at once: more would leave the processor's cache, as a service's never do
KINDS = (TimeoutError, ConnectionResetError, ValueError, KeyError)


def measure(is_quick: bool) -> list[Row]:
    rounds = 15 if is_quick else 60
    provider, reader = sdk.metrics()
    api.set_meter_provider(provider)
    peer_provider, peer_reader = sdk.metrics()
    counter = peer_provider.get_meter("peer").create_counter("bench.errors")
    with telemetry.init("benchmarks", "1", exporter="inherit"):
        return [_count(rounds, reader, counter, peer_reader), *_on_span(rounds, counter)]


def _count(
    rounds: int, reader: sdk.InMemoryMetricReader, counter: api.Counter, peer_reader: sdk.InMemoryMetricReader
) -> Row:
    calls = {"ours": 0, "sdk": 0}

    def ours(n: int) -> float:
        errors = [KINDS[i % len(KINDS)]("it failed") for i in range(n)]
        record = telemetry.record_error_metric
        calls["ours"] += n
        start = time.perf_counter_ns()
        for err in errors:
            record(err, "llm")
        return time.perf_counter_ns() - start

    def by_hand(n: int) -> float:
        errors = [KINDS[i % len(KINDS)]("it failed") for i in range(n)]
        add, classify = counter.add, sdk.classify
        calls["sdk"] += n
        start = time.perf_counter_ns()
        for err in errors:
            code, recoverable = classify(err)
            add(1, {"error.code": code, "component": "llm", "recoverable": recoverable})
        return time.perf_counter_ns() - start

    timings = interleave({"ours": ours, "sdk": by_hand}, rounds=3 * rounds, fixed=AT_A_TIME)
    check(
        sdk.total(reader, "kairos.errors.total") == calls["ours"], "our error counter lost or invented errors"
    )
    check(sdk.total(peer_reader, "bench.errors") == calls["sdk"], "the SDK's counter lost or invented errors")
    return at_least("P2", "record_error_metric", timings["ours"], "by hand on the SDK", timings["sdk"], 25)


def _on_span(rounds: int, counter: api.Counter) -> list[Row]:
    recording, _ = sdk.traces()
    unsampled = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)

    def ours(err: BaseException, span: sdk.Span) -> None:
        telemetry.record_error(err, component="llm", span=span)

    def by_hand(err: BaseException, span: sdk.Span) -> None:
        sdk.record_error(counter, span, err, "llm")

    def block(record: Callable[..., None], provider: TracerProvider) -> Callable[[int], float]:
        tracer = provider.get_tracer("bench")

        def run(n: int) -> float:
            errors = [raised(KINDS[i % len(KINDS)], "it failed") for i in range(n)]
            spans = [tracer.start_span("work") for _ in range(n)]
            pairs = list(zip(errors, spans, strict=True))
            start = time.perf_counter_ns()
            for err, span in pairs:
                record(err, span)
            spent = time.perf_counter_ns() - start
            if provider is recording:
                _check_span(spans[-1], errors[-1])
            return spent

        return run

    timings = interleave(
        {
            "ours": block(ours, recording),
            "sdk": block(by_hand, recording),
            "ours, unsampled": block(ours, unsampled),
            "sdk, unsampled": block(by_hand, unsampled),
        },
        rounds=rounds,
        block_ms=30,
        fixed=200,
    )
    what = f"record_error, {FRAMES} frames"
    return [
        at_least("P4", what, timings["ours"], "by hand on the SDK", timings["sdk"], 10),
        at_least(
            "P4",
            f"{what}, unsampled span",
            timings["ours, unsampled"],
            "by hand, recording span",
            timings["sdk"],
            200,
        ),
        at_least(
            "P4",
            f"{what}, unsampled span",
            timings["ours, unsampled"],
            "by hand, unsampled span",
            timings["sdk, unsampled"],
            None,
        ),
    ]


def _check_span(span: sdk.Span, err: BaseException) -> None:
    attributes, events = dict(span.attributes or {}), span.events
    check(attributes.get("component") == "llm", "the span has no component")
    check(
        "error.code" in attributes and "error.recoverable" in attributes,
        "the span lacks the error's attributes",
    )
    check(not span.status.is_ok and span.status.status_code.name == "ERROR", "the span's status is not ERROR")
    check(
        [event.name for event in events] == ["exception"],
        f"the span has {len(events)} events, not one exception",
    )
    text = str(events[0].attributes["exception.stacktrace"])
    check(text.count("\n  File ") == FRAMES, f"the traceback is not whole: {text}")
    check(text.rstrip().endswith(f"{type(err).__name__}: {err}"), "the traceback does not end in the error")


if __name__ == "__main__":
    emit(measure)
