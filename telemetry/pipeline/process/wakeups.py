# SPDX-License-Identifier: Apache-2.0
"""Signals that come while the main thread is about to wait: CPython notes them, and wakes nobody.

Handlers run in the main thread, between two steps of Python. A signal that comes after the last step before a
wait in C, for instance while that thread hands over the interpreter's lock, does not cut the wait short: its
handler runs when the wait is over. A worker of a pool waits for work for ever, `Pool.terminate` sends SIGTERM
just when the workers begin to wait, and then waits for ever for their end.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from telemetry.pipeline.process import threads
from telemetry.pipeline.process.threads import Latch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["Wakeups"]

_PAUSE_S = 0.05
_MOST_NUDGES = 200
"""Ten seconds: a main thread that has not come to it by then is not waiting, but computing in C."""
_END = 0
"""No signal has this number."""


class Wakeups:
    """Sees to it that the handler of SIGTERM runs although the main thread waits.

    Of every signal that is handled CPython writes the number to a file descriptor (`signal.set_wakeup_fd`),
    whatever it is in the middle of. A thread reads there, and where the handler has not run a moment later
    it sends the main thread SIGURG, which is ignored by default: here it does nothing either, but cuts the
    wait short.

    Args:
        is_installed: Whether the handler of SIGTERM is in its place; it leaves it when it runs.
    """

    def __init__(self, is_installed: Callable[[], bool]) -> None:
        self._is_installed = is_installed
        self._pipe: tuple[int, int] | None = None

    def start(self) -> None:
        """Begins; call it in the main thread. Where somebody else uses what it takes, it does nothing."""
        if self._pipe is not None or threads.are_greenlets() or not _is_urgent_free():
            return
        reading, writing = pipe = os.pipe()
        os.set_blocking(writing, False)
        if not _take_wakeups(writing):
            _close(pipe)
            return
        self._pipe = pipe
        signal.signal(signal.SIGURG, _nothing)
        main = threading.get_ident()
        try:
            threads.start(lambda: self._watch(reading, main), "kairos-signals")
        except RuntimeError:  # there can be no more threads
            self.forget()

    def stop(self) -> None:
        """Ends, with its thread; in another thread than the main one it cannot, and goes on."""
        pipe = self._let_go()
        if pipe is not None:
            _, writing = pipe
            with suppress(BlockingIOError):  # as full of signals as it can be: closing it will do
                os.write(writing, bytes([_END]))
            os.close(writing)

    def forget(self) -> None:
        """In a forked child: the pipe and its thread are the parent's."""
        pipe = self._let_go()
        if pipe is not None:
            _close(pipe)

    def _let_go(self) -> tuple[int, int] | None:
        """Has no signal told to the pipe any more; returns it, for what is left of it to be closed."""
        pipe = self._pipe
        if pipe is None:
            return None
        try:
            current = signal.set_wakeup_fd(-1)
        except ValueError:  # not the main thread
            return None
        if current != pipe[1]:  # somebody else's, who took it meanwhile
            signal.set_wakeup_fd(current)
        if signal.getsignal(signal.SIGURG) is _nothing:
            signal.signal(signal.SIGURG, signal.SIG_DFL)
        self._pipe = None
        return pipe

    def _watch(self, reading: int, main: int) -> None:
        while (numbers := os.read(reading, 512)) and _END not in numbers:
            if signal.SIGTERM in numbers:
                self._nudge(main)
        os.close(reading)

    def _nudge(self, main: int) -> None:
        for _ in range(_MOST_NUDGES):
            Latch().block(_PAUSE_S)
            if not self._is_installed():
                return
            signal.pthread_kill(main, signal.SIGURG)


def _is_urgent_free() -> bool:
    return hasattr(signal, "SIGURG") and signal.getsignal(signal.SIGURG) is signal.SIG_DFL


def _take_wakeups(writing: int) -> bool:
    """Has CPython tell of signals there, unless it tells somebody else; returns whether it does."""
    try:
        current = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    except ValueError:  # not the main thread
        return False
    if current != -1:
        signal.set_wakeup_fd(current)
    return current == -1


def _close(pipe: tuple[int, int]) -> None:
    for descriptor in pipe:
        os.close(descriptor)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Handles SIGURG as if it were ignored."""
