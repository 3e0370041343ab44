# SPDX-License-Identifier: Apache-2.0
"""Other people's decorators, each in its own virtual environment, never in ours.

`peers/with_<name>.txt` says what to install and `peers/with_<name>.py` runs there: for every line with a
number of calls on its stdin it runs a block and answers with the nanoseconds. So all take turns.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import WrongResultError

__all__ = ["LABELS", "Peer", "open_all"]

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".peers"
LABELS = {
    "logfire": "logfire @instrument",
    "traceloop": "traceloop @tool",
    "openinference": "OpenInference @tool",
}
QUICK_SECONDS = 45.0
"""How long a quick run may spend on making all environments together."""


class NotInstalledError(Exception):
    """A peer's environment could not be made; the message says why."""


class Peer:
    """One peer's process, waiting for its turn."""

    def __init__(self, name: str, python: Path) -> None:
        self.name = name
        # What it prints is of interest when it fails.
        self._messages = tempfile.TemporaryFile("w+")  # noqa: SIM115 (it lives as long as the process)
        self._process = subprocess.Popen(
            [str(python), str(HERE / "peers" / f"with_{name}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            env={
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("OTEL_", "KAIROS_", "PYTHON"))
            },
        )

    def block(self, n: int) -> float:
        """Have the peer run n calls; returns their nanoseconds."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{n}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._messages.seek(0)
            raise WrongResultError(f"{self.name}: its process ended with {status}: {self._messages.read()}")
        answer = json.loads(line)
        if answer["spans"] != n:
            raise WrongResultError(f"{self.name}: {answer['spans']} spans for {n} calls")
        return float(answer["ns"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._messages.close()


def open_all(is_quick: bool) -> tuple[dict[str, Peer], dict[str, str]]:
    """Start every peer that is installed or can be.

    Returns:
        The peers by name, and for each one that is missing the reason.
    """
    deadline = time.monotonic() + (QUICK_SECONDS if is_quick else 1_800)
    opened: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    for name in LABELS:
        try:
            opened[name] = Peer(name, _environment(name, deadline))
        except NotInstalledError as err:
            missing[name] = str(err)
    return opened, missing


def _environment(name: str, deadline: float) -> Path:
    wanted, folder = HERE / "peers" / f"with_{name}.txt", ENVIRONMENTS / name
    python, stamp = folder / "bin" / "python", folder / ".made"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return python
    print(f"setting up {name} ...", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], deadline)
        _run(
            [uv, "pip", "install", "--quiet", "--python", str(python), "--requirement", str(wanted)], deadline
        )
    else:
        _run([sys.executable, "-m", "venv", str(folder)], deadline)
        _run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(wanted)], deadline)
    stamp.write_text(wanted.read_text())
    return python


def _run(command: list[str], deadline: float) -> None:
    left = deadline - time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=max(left, 0), check=False)
    except subprocess.TimeoutExpired:
        raise NotInstalledError(
            "its environment was not made in the time of a quick run; `make bench` makes it"
        ) from None
    if done.returncode:
        raise NotInstalledError((done.stderr.strip().splitlines() or ["no reason given"])[-1])


if __name__ == "__main__":
    for missing_name, reason in open_all(is_quick=False)[1].items():
        print(f"{missing_name}: {reason}")
