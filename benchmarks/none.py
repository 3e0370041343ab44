# SPDX-License-Identifier: Apache-2.0
"""P6: calls while telemetry is switched off, beside calls of empty functions with the same arguments."""

from __future__ import annotations

import sys

from harness import Row, at_most, check, emit, interleave, stmt

import telemetry


def empty() -> None:
    pass


def empty_record(err, *, component=None, span=None) -> None:
    pass


def empty_set(component, status) -> None:
    pass


@telemetry.observe(component="tool")
def observed() -> None:
    pass


def measure(is_quick: bool) -> list[Row]:
    rounds = 15 if is_quick else 60
    err, healthy = ValueError("x"), telemetry.HealthStatus.HEALTHY
    with telemetry.init("benchmarks", "1", exporter="none"):
        timings = interleave(
            {
                "empty": stmt("f()", f=empty),
                "observe": stmt("f()", f=observed),
                "empty_record": stmt("f(err, component='llm')", f=empty_record, err=err),
                "record_error": stmt("f(err, component='llm')", f=telemetry.record_error, err=err),
                "empty_set": stmt("f('llm', healthy)", f=empty_set, healthy=healthy),
                "record_error_metric": stmt("f(err, 'llm')", f=telemetry.record_error_metric, err=err),
                "set_health": stmt("f('llm', healthy)", f=telemetry.set_health, healthy=healthy),
                "set_circuit_state": stmt(
                    "f('llm', closed)", f=telemetry.set_circuit_state, closed=telemetry.CircuitState.CLOSED
                ),
                "inc": stmt("inc()", inc=telemetry.counter("bench.none").bind({"a": "b"}).inc),
            },
            rounds=rounds,
            block_ms=5,
        )
        check(
            not any(name.startswith(("opentelemetry", "pydantic")) for name in sys.modules),
            "`none` imported the SDK or pydantic",
        )
    return [
        at_most("P6", "none: @observe function", timings["observe"], "empty function", timings["empty"], 3),
        at_most(
            "P6", "none: record_error", timings["record_error"], "empty function", timings["empty_record"], 2
        ),
        at_most(
            "P6",
            "none: record_error_metric",
            timings["record_error_metric"],
            "empty function",
            timings["empty_set"],
            2,
        ),
        at_most("P6", "none: set_health", timings["set_health"], "empty function", timings["empty_set"], 2),
        at_most(
            "P6",
            "none: set_circuit_state",
            timings["set_circuit_state"],
            "empty function",
            timings["empty_set"],
            2,
        ),
        at_most("P6", "none: bound inc()", timings["inc"], "empty function", timings["empty"], 2),
    ]


if __name__ == "__main__":
    emit(measure)
