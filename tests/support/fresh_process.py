# SPDX-License-Identifier: Apache-2.0
"""Code in a process of its own, where nothing was set up before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

# From Python 3.12 on, forking with threads is deprecated; tests do it on purpose.
_OPTIONS = ["-W", "error", "-W", "ignore::DeprecationWarning:__main__"]
_PRELUDE = "import json, os, sys, threading\n"


def run(code: str, *, is_measured: bool = True, **environment: str) -> str:
    """Runs code and returns what it printed; fails when it does.

    Without `is_measured` coverage stays out: it imports modules of its own, and its lock may be held
    by another thread when a process forks.
    """
    ours = ("OTEL_", "KAIROS_") if is_measured else ("OTEL_", "KAIROS_", "COVERAGE_")
    settings = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [sys.executable, *_OPTIONS, "-c", _PRELUDE + textwrap.dedent(code)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**settings, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_json(code: str, *, is_measured: bool = True, **environment: str) -> Any:
    """The same for code whose last line is a JSON document."""
    return json.loads(run(code, is_measured=is_measured, **environment).splitlines()[-1])
