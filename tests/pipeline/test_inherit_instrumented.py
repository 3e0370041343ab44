# SPDX-License-Identifier: Apache-2.0
"""`inherit` under `opentelemetry-instrument`: our instruments join, and nothing else changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.rotel import Rotel

INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")
APPLICATION = """
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

before = (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())

import telemetry

pipeline = telemetry.init("ignored", exporter="inherit")
try:
    with telemetry.observe(component="tool", name="ours"):
        raise TimeoutError("too slow")
except TimeoutError as error:
    telemetry.record_recovery(error)
telemetry.set_health("llm", telemetry.HealthStatus.DEGRADED)
telemetry.set_circuit_state("llm", telemetry.CircuitState.HALF_OPEN)
with trace.get_tracer("theirs").start_as_current_span("theirs"):
    pass
assert (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider()) == before
pipeline.force_flush()
pipeline.shutdown()
"""


def test_an_instrumented_application_exports_our_five_instruments_as_its_own() -> None:
    with Rotel() as rotel:
        done = subprocess.run(
            [INSTRUMENT, sys.executable, "-c", APPLICATION],
            env=os.environ
            | {
                "OTEL_SERVICE_NAME": "theirs",
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_METRICS_EXPORTER": "otlp",
                "OTEL_LOGS_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{rotel.grpc_port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        received = rotel.wait_for(lambda got: len(got.spans) >= 2 and got.total("kairos.errors.recovered"))
    labels = {"error__code": "timeout", "component": "tool", "recoverable": "true"}
    assert received.total("kairos.errors.total", **labels) == 1
    assert received.total("kairos.errors.recovered", **labels) == 1
    assert received.total("kairos.errors.rate", component="tool") == 1
    assert received.total("kairos.health.status", component="llm") == 1
    assert received.total("kairos.circuitbreaker.state", component="llm") == 1
    assert sorted(received.span_names) == ["ours", "theirs"]
    assert {span.resource["service.name"] for span in received.spans} == {"theirs"}
    assert {point.resource["service.name"] for point in received.points} == {"theirs"}
