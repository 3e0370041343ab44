# SPDX-License-Identifier: Apache-2.0
"""gunicorn's settings for the crew: each worker says when it takes requests.

A SIGTERM before that is lost on a worker: until it has handlers of its own, its master's are called.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def post_worker_init(worker: Any) -> None:
    Path(os.environ["CREW_READY"], str(worker.pid)).touch()
