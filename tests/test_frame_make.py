# SPDX-License-Identifier: Apache-2.0
"""The Makefile: what it says when it cannot start, and that it says nothing on stdout."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def executable(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_without_any_python_it_says_which_one_is_needed(checkout):
    done = make(checkout, ".venv/.made", "PYTHON=", "UV=")
    assert done.returncode == 2
    assert "kairos-telemetry needs Python 3.11 or newer, and none of" in done.stderr
    assert "make PYTHON=/path/to/python3.11" in done.stderr
    assert done.stdout == ""


def test_an_old_python_is_named_with_its_version(checkout):
    old = executable(checkout / "python-old", '[ "$1" = --version ] && echo Python 3.10.2 && exit 0; exit 1')
    done = make(checkout, ".venv/.made", f"PYTHON={old}", "UV=")
    assert done.returncode == 2
    assert f"kairos-telemetry needs Python 3.11 or newer; '{old}' is Python 3.10.2." in done.stderr


def test_what_setting_up_says_does_not_reach_stdout(checkout):
    binaries = checkout / ".venv" / "bin"
    binaries.mkdir(parents=True)
    executable(binaries / "python", 'echo "pip says a lot"')
    executable(binaries / "kairos", 'echo "{}"')
    (checkout / "pyproject.toml").touch()
    (checkout / "constraints.txt").touch()
    done = make(checkout, "demo", "UV=")
    assert (done.returncode, done.stdout) == (0, "{}\n")
    assert "pip says a lot" in done.stderr


def test_the_second_time_nothing_is_installed_until_the_constraints_change(checkout):
    binaries = checkout / ".venv" / "bin"
    binaries.mkdir(parents=True)
    executable(binaries / "python", "echo installing >&2")
    executable(binaries / "kairos", "true")
    (checkout / "pyproject.toml").touch()
    (checkout / "constraints.txt").touch()
    make(checkout, "demo", "UV=")
    assert make(checkout, "demo", "UV=").stderr == ""
    later = (checkout / ".venv" / ".core").stat().st_mtime + 10
    os.utime(checkout / "constraints.txt", (later, later))
    assert "installing" in make(checkout, "demo", "UV=").stderr


def test_help_lists_every_public_target():
    listed = {line.split()[1] for line in make(ROOT, "help").stdout.splitlines()}
    assert listed == {
        *("help", "demo", "test", "test-long", "faults", "soak", "lint", "bench", "bench-quick", "audit-pyz"),
        "clean",
    }
