# SPDX-License-Identifier: Apache-2.0
"""How long a sender waits before it tries the same request again."""

from __future__ import annotations

from random import uniform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff"]

_FIRST_S = 0.5
_MOST_S = (
    3.0  # a receiver that is back is to be found within five seconds, its connection set up anew included
)
_DENIED_S = 30.0  # somebody has to change credentials: asking more often is only noise in the receiver's log
_ASKED_MOST_S = 600.0  # a receiver that asks for more than that is not to silence telemetry for a day


class Backoff:
    """The pauses after failures in a row: exponential, with jitter, unless the receiver asks for its own.

    The jitter (half the pause at least) keeps a fleet that lost one receiver from returning as one.

    Args:
        spread: Picks a number between two.
    """

    def __init__(self, spread: Callable[[float, float], float] = uniform) -> None:
        self._spread = spread
        self._failures = 0

    def succeed(self) -> None:
        """Starts over."""
        self._failures = 0

    def after_failure(self, asked_s: float | None) -> float:
        """Returns the seconds to wait; what the receiver asked for is not undercut."""
        pause = min(_MOST_S, _FIRST_S * 2.0 ** min(self._failures, 10))
        self._failures += 1
        if asked_s is not None:
            return min(asked_s, _ASKED_MOST_S) + self._spread(0.0, 0.1)
        return self._spread(pause / 2, pause)

    def after_denial(self) -> float:
        """Returns the seconds to wait when the credentials were not accepted."""
        return self._spread(_DENIED_S / 2, _DENIED_S)
