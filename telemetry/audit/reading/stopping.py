# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGINT as a wish that is asked for, so that nothing is cut off in the middle."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import FrameType, TracebackType

__all__ = ["Stop"]

_LOOK_S: Final = 0.05
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether the process was asked to end; within `with`, signals ask. A second one ends it at once."""

    def __init__(self) -> None:
        self._is_set = False
        self._before: list[tuple[int, Any]] = []

    def is_set(self) -> bool:
        """Whether it is time to end."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Sleeps, not beyond the end; returns whether it is time to end."""
        # A flag and short sleeps: an event's lock may be held by the very code that a signal interrupts.
        deadline = time.monotonic() + seconds
        while not self._is_set and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_S))
        return self._is_set

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = [(number, signal.signal(number, self._asked)) for number in _SIGNALS]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)
        self._before = []

    def _asked(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal calls it
        if self._is_set:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._is_set = True
