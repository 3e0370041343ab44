# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of `crew`, and holds what they did against what a receiver got."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.ports import free_port
from support.waiting import wait_for

if TYPE_CHECKING:
    from support.fault_receivers import RemoteReceiver

TESTS = Path(__file__).resolve().parents[1]
IDENTITY = "pod-7"
INSTANT = {
    "KAIROS_TELEMETRY_FLUSH_INTERVAL_SECONDS": "0.1",
    "KAIROS_TELEMETRY_METRIC_INTERVAL_SECONDS": "0.2",
}


@dataclass(frozen=True)
class Done:
    """What a crew did.

    Attributes:
        pieces: How many.
        workers: Who did them.
        errors: What the program wrote to stderr.
    """

    pieces: int
    workers: list[int]
    errors: str


@dataclass
class Crew:
    """A running program of several processes."""

    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        ours = ("OTEL_", "KAIROS_", "COVERAGE_")  # coverage's lock may be held when a process forks
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *self.command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=TESTS,
            env={**inherited, "PYTHONPATH": str(TESTS), **self.environment},
        )

    def end(self, timeout_s: float = 60.0) -> Done:
        """What the program says that was done; fails when it does."""
        try:
            out, errors = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, errors
        assert "Traceback" not in errors, errors
        said = json.loads(out.splitlines()[-1]) if out else {"pieces": 0, "workers": []}
        return Done(**said, errors=errors)


def settings(receiver: RemoteReceiver, protocol: str, temporality: str) -> dict[str, str]:
    return {
        "KAIROS_TELEMETRY_EXPORTER": {"grpc": "otlp", "http": "otlp-http"}[protocol],
        "KAIROS_TELEMETRY_OTLP_ENDPOINT": receiver.endpoints[protocol],
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality,
        "OTEL_RESOURCE_ATTRIBUTES": f"service.instance.id={IDENTITY}",
        **INSTANT,
    }


def serve(environment: dict[str, str], folder: Path, *options: str, workers: int, pieces: int) -> Done:
    """Has gunicorn's workers do the work, then ends it as an operator does."""
    address = f"127.0.0.1:{free_port()}"
    gunicorn = ["-m", "gunicorn", "--config=python:support.crew_gunicorn", "--no-control-socket"]
    crew = Crew(
        [*gunicorn, f"--bind={address}", f"--workers={workers}", *options, "support.crew_wsgi:app"],
        {**environment, "CREW_READY": str(folder)},
    )
    try:
        wait_for(lambda: len(list(folder.iterdir())) == workers, 30, "all workers")
        done = [_ask(address, number) for number in range(pieces)]
        crew.process.terminate()
        errors = crew.end().errors
    finally:
        crew.process.kill()
    return Done(len(done), sorted(set(done)), errors)


def _ask(address: str, number: int) -> int:
    with urllib.request.urlopen(f"http://{address}/{number}", timeout=20) as response:
        return int(response.read())


def assert_all_arrived(receiver: RemoteReceiver, done: Done) -> None:
    """The sums over all processes are the truth, and every process that worked is somebody."""
    for signal, tally in receiver.tally().items():
        assert (tally.delivered, tally.duplicated) == (done.pieces, 0), (signal, done.errors)
    identities = receiver.identities()
    assert len(identities) >= len(done.workers)
    assert all(each.startswith(IDENTITY) for each in identities), identities
