# SPDX-License-Identifier: Apache-2.0
"""P1 and P3: counting and setting, beside the SDK's own instruments."""

from __future__ import annotations

import sdk
from harness import Row, at_least, check, emit, interleave, stmt
from opentelemetry import metrics as api

import telemetry

THREE = {"error.code": "timeout", "component": "llm", "recoverable": "true"}


def measure(is_quick: bool) -> list[Row]:
    rounds = 15 if is_quick else 60
    provider, reader = sdk.metrics()
    api.set_meter_provider(
        provider
    )  # `inherit` publishes our cells there: what they counted is read back through the SDK
    peer_provider, peer_reader = sdk.metrics()
    meter = peer_provider.get_meter("peer")
    with telemetry.init("benchmarks", "1", exporter="inherit"):
        return [_counter(rounds, reader, meter, peer_reader), *_gauges(rounds, reader, meter, peer_reader)]


def _counter(
    rounds: int, reader: sdk.InMemoryMetricReader, meter: api.Meter, peer_reader: sdk.InMemoryMetricReader
) -> Row:
    inc = telemetry.counter("bench.errors").bind(THREE).inc
    counter = meter.create_counter("bench.errors")
    calls = {"ours": 0, "sdk": 0}

    def counted(name: str, block):
        def run(n: int) -> float:
            calls[name] += n
            return block(n)

        return run

    timings = interleave(
        {
            "ours": counted("ours", stmt("inc()", inc=inc)),
            "sdk": counted("sdk", stmt("add(1, three)", add=counter.add, three=THREE)),
        },
        rounds=rounds,
    )
    check(sdk.total(reader, "bench.errors") == calls["ours"], "our counter lost or invented increments")
    check(
        sdk.total(peer_reader, "bench.errors") == calls["sdk"],
        "the SDK's counter lost or invented increments",
    )
    return at_least("P1", "bound counter, inc()", timings["ours"], "SDK counter.add", timings["sdk"], 100)


def _gauges(
    rounds: int, reader: sdk.InMemoryMetricReader, meter: api.Meter, peer_reader: sdk.InMemoryMetricReader
) -> list[Row]:
    gauge = meter.create_gauge("bench.gauge")
    health, circuit = telemetry.HealthStatus, telemetry.CircuitState
    timings = interleave(
        {
            "health": stmt(
                "f('llm', good); f('llm', bad)",
                f=telemetry.set_health,
                good=health.HEALTHY,
                bad=health.DEGRADED,
            ),
            "circuit": stmt(
                "f('llm', up); f('llm', down)",
                f=telemetry.set_circuit_state,
                up=circuit.CLOSED,
                down=circuit.OPEN,
            ),
            "sdk": stmt("f(2, a); f(1, a)", f=gauge.set, a={"component": "llm"}),
        },
        rounds=rounds,
    )
    key = (("component", "llm"),)
    check(
        sdk.points(reader, "kairos.health.status").get(key) == health.DEGRADED,
        "the last health is not the one that was set",
    )
    check(
        sdk.points(reader, "kairos.circuitbreaker.state").get(key) == circuit.OPEN,
        "the last state is not the one that was set",
    )
    check(
        sdk.points(peer_reader, "bench.gauge").get(key) == 1,
        "the SDK's gauge has another value than the last one set",
    )
    timings = {
        name: type(each)(each.min / 2, each.median / 2) for name, each in timings.items()
    }  # two calls a statement
    return [
        at_least("P3", "set_health", timings["health"], "SDK gauge.set", timings["sdk"], 50),
        at_least("P3", "set_circuit_state", timings["circuit"], "SDK gauge.set", timings["sdk"], 50),
    ]


if __name__ == "__main__":
    emit(measure)
