# SPDX-License-Identifier: Apache-2.0
"""Other people's instrumentations, each in a virtual environment of its own that later runs use again."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venv" / "peers"
_UNREACHABLE = (
    "NewConnectionError",
    "ConnectionError",
    "ReadTimeoutError",
    "Could not fetch URL",
    "No matching distribution found",
    "Temporary failure in name resolution",
    "dns error",
    "error sending request",
)


def run_peer(requirements: Path, program: Path, *arguments: str) -> dict[str, Any]:
    """Runs a program in the environment with those requirements; returns the JSON that it prints."""
    done = subprocess.run(
        [_environment(requirements), str(program), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "KAIROS_", "PYTHON", "COVERAGE_", "TRACELOOP_"))
        },
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _environment(requirements: Path) -> str:
    """The interpreter of the environment, which is made when there is none with these requirements."""
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / f"{requirements.stem}.lock").open("w") as lock:
        # For another process of the same run; closing the file gives it back.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _made(requirements)


def _made(requirements: Path) -> str:
    folder = ENVIRONMENTS / requirements.stem
    python, stamp = folder / "bin" / "python", folder / ".made"
    wanted = f"{ROOT}\n{sys.version}\n{requirements.read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return str(python)
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    # Our own pip installs there, and compiles nothing: half the time.
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    install = [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    _run([*install, "--requirement", str(requirements)])
    # Without its dependencies: the requirements name them, in versions that the peer can live with.
    _run([*install, "--no-deps", "--editable", str(ROOT)])
    stamp.write_text(wanted)
    return str(python)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the package index did not answer in time: {' '.join(command)}")
    if done.returncode and any(sign in done.stderr for sign in _UNREACHABLE):
        pytest.skip(f"the package index is not reachable: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
