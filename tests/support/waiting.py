# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions instead of for time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout_s: float = 10.0, what: str = "the condition") -> T:
    """The first truthy answer of `condition`, asked every few milliseconds."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout_s} s; last answer: {answer!r}")
        time.sleep(0.005)
