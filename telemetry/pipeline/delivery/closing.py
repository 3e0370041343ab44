# SPDX-License-Identifier: Apache-2.0
"""Closing several things at once, of which each may hang or raise."""

from __future__ import annotations

import logging
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from telemetry.pipeline.process import threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.pipeline.process.threads import Background

__all__ = ["call_all"]

_logger = logging.getLogger("telemetry")


def call_all(calls: list[Callable[[], None]], deadline: float) -> None:
    """Calls each in a thread of its own and returns when all have ended, or at the deadline.

    Args:
        calls: What to call.
        deadline: Until when to wait (`time.monotonic()`).
    """
    running: list[Background] = []
    for call in calls:
        try:
            running.append(threads.start(partial(_contained, call), "kairos-close"))
        except RuntimeError:  # Python 3.12 starts no thread while the interpreter shuts down
            _contained(call)
    for thread in running:
        thread.join(max(0.0, deadline - monotonic()))


def _contained(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - an exporter's bug must not keep the pipeline from ending
        _logger.warning("an exporter could not be shut down: %s: %s", type(error).__name__, error)
