# SPDX-License-Identifier: Apache-2.0
"""Knowing a library's errors does not mean importing it."""

from __future__ import annotations

import subprocess
import sys


def test_no_library_is_imported_to_know_its_errors():
    script = (
        "import sys\n"
        "from telemetry.classification import Classifier, is_cancellation, retry_after\n"
        "error = ValueError()\n"
        "Classifier().classify(error); retry_after(error); is_cancellation(error)\n"
        "names = {'asyncio', 'concurrent', 'httpx', 'httpx2', 'requests', 'urllib3', 'http', 'ssl',\n"
        "         'socket', 'openai', 'anthropic', 'google', 'botocore', 'boto3', 'grpc', 'sqlalchemy',\n"
        "         'sqlite3', 'redis', 'pydantic', 'pydantic_core', 'mcp', 'opentelemetry', 'email',\n"
        "         'logging', 'inspect'}\n"
        "before = set(filter(None, sys.argv[1].split(',')))\n"
        "print(sorted(names & sys.modules.keys() - before))"
    )
    # What the environment's own start-up files import is not ours.
    bare = "import sys; print(','.join(sys.modules))"
    before = subprocess.run(
        [sys.executable, "-c", bare], capture_output=True, text=True, check=True
    ).stdout.strip()
    done = subprocess.run([sys.executable, "-c", script, before], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
