# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes a running `kairos demo`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from support.ports import free_port
from support.prometheus_server import PrometheusServer

KAIROS = Path(sys.executable).with_name("kairos")
FIVE = {
    "kairos_errors_total",
    "kairos_errors_recovered_total",
    "kairos_errors_rate",
    "kairos_health_status",
    "kairos_circuitbreaker_state",
}
BESIDE = {  # the state sets of the last two
    "kairos_health_component",
    "kairos_circuit_breaker_component",
}


def test_prometheus_shows_the_five_instruments_of_a_demo_under_the_contracts_names():
    port = free_port()
    settings = {"KAIROS_TELEMETRY_EXPORTER": "prometheus", "KAIROS_TELEMETRY_PROMETHEUS_PORT": str(port)}
    running = subprocess.Popen(
        [KAIROS, "demo", "--duration", "600"],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        with PrometheusServer(port) as prometheus:
            recovered = prometheus.query("kairos_errors_recovered_total > 0")
            assert {"error_code", "component", "recoverable"} <= recovered[0][0].keys()
            assert prometheus.query("sum(kairos_errors_recovered_total) / sum(kairos_errors_total)")[0][1] > 0
            assert prometheus.query('kairos_errors_rate{component=""} > 0')
            assert {value for _, value in prometheus.query("kairos_circuitbreaker_state")} <= {0, 1, 2}
            names = {name for name in prometheus.names() if name.startswith("kairos_")}
            assert {name for name in names if not name.startswith("kairos_telemetry_")} == FIVE | BESIDE
    finally:
        running.send_signal(signal.SIGINT)
        stdout, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert stdout == b""
