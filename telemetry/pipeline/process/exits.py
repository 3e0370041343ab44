# SPDX-License-Identifier: Apache-2.0
"""How a process ends: SIGTERM first lets telemetry deliver what it has, then ends the process as always.

Returning, exceptions, `sys.exit` and SIGINT go through `atexit`, where SIGINT needs help to keep its status.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from telemetry.pipeline.process import threads
from telemetry.pipeline.process.children import WorkerEnds
from telemetry.pipeline.process.wakeups import Wakeups

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from telemetry.pipeline.process.threads import Background

__all__ = ["Exits", "Pipeline", "keep_interrupt"]


class Pipeline(Protocol):
    """What has to be ended before the process does."""

    def force_flush(self) -> object:
        """Delivers what it has, within its own deadline."""

    def shutdown(self) -> object:
        """Delivers what it has and ends, within its own deadline; waits for whoever does so already."""


class Exits:
    """Ends the pipeline before the process ends; itself the handler of SIGTERM where there is none.

    The handler does nothing but start a thread, for it may have interrupted code that holds
    a lock, or an event loop; the program goes on until the thread is through. A second SIGTERM ends
    the process at once. A handler that the application installs, before or later, is left alone; one
    that calls this one asks for the end of the process.

    Args:
        pid: Returns the id of this process.
    """

    def __init__(self, pid: Callable[[], int] = os.getpid) -> None:
        self._pid = pid
        self._owner = 0
        self._pipeline: Pipeline | None = None
        self._ending: Background | None = None
        self._is_at_exit = False
        self._wakeups = Wakeups(self._is_installed)
        self._worker_ends = WorkerEnds(self.end, self._watch_over_waits)

    def watch(self, pipeline: Pipeline, *, is_child: bool = False) -> None:
        """From now on a pipeline is to be ended first.

        Only the main thread can install a handler of signals; started in another one, telemetry has
        none, and SIGTERM does what it always did.

        Args:
            pipeline: The pipeline, in the place of an earlier one.
            is_child: Whether this process was forked just now from one that had it.
        """
        self._pipeline = pipeline
        self._owner = self._pid()
        self._ending = None
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            with suppress(ValueError):  # not the main thread
                signal.signal(signal.SIGTERM, self)
        if is_child:
            self._worker_ends.watch_in_child()
        else:
            self._worker_ends.watch()
        if not self._is_at_exit:
            self._is_at_exit = True
            atexit.register(self.wait)

    def unwatch(self) -> None:
        """The pipeline has ended: SIGTERM does again what it did before, if the handler is still this one.

        In another thread than the main one it stays, and does what the default action does.
        """
        self._pipeline = None
        self._wakeups.stop()
        if self._is_installed():
            with suppress(ValueError):  # not the main thread
                signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def forget(self) -> bool:
        """In a forked child: what the parent had and did is none of its business.

        Returns:
            Whether the parent had a pipeline to be ended.
        """
        self._wakeups.forget()
        had, self._pipeline, self._ending = self._pipeline, None, None
        return had is not None

    def hold_back(self) -> set[int] | None:
        """Before a fork: SIGTERM waits, for CPython forgets what comes to a child before it is set up.

        Returns:
            For `let_through`: which signals waited before; None if nothing is held back.
        """
        if not self._is_installed():
            return None
        return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def let_through(self, before: set[int] | None) -> None:
        """After a fork, in both processes: what came meanwhile is handled now."""
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def end(self) -> None:
        """Ends the pipeline now; the process is about to end."""
        if self._pipeline is not None:
            self._pipeline.shutdown()
        self.wait()

    def wait(self) -> None:
        """Waits until SIGTERM has ended this process, if one came: that is the end that others shall see."""
        if self._ending is not None:
            self._ending.join()

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Handles SIGTERM."""
        if self._pid() != self._owner:
            # A child, forked a moment ago: it has nothing yet, and what it sees here is its parent's.
            signal.signal(number, signal.SIG_DFL)
            os.kill(self._pid(), number)
            return
        if self._pid() == 1:
            # The first process of a container: there the default action is to do nothing.
            self._start(self._flush)
            return
        signal.signal(number, signal.SIG_DFL)
        self._ending = self._start(lambda: self._end_of(number))

    def _watch_over_waits(self) -> None:
        if self._is_installed():
            self._wakeups.start()

    def _is_installed(self) -> bool:
        """Whether SIGTERM will come to this handler; not when it has, or when the application has its own."""
        return signal.getsignal(signal.SIGTERM) is self

    def _start(self, work: Callable[[], None]) -> Background | None:
        try:
            return threads.start(work, "kairos-sigterm")
        except RuntimeError:  # no more threads: the interpreter is shutting down
            work()
            return None

    def _flush(self) -> None:
        if self._pipeline is not None:
            self._pipeline.force_flush()

    def _end_of(self, number: int) -> None:
        try:
            if self._pipeline is not None:
                self._pipeline.shutdown()
        finally:
            os.kill(self._pid(), number)


def keep_interrupt() -> None:
    """Lets a process that an unhandled KeyboardInterrupt ends still end by SIGINT; call it last at the exit.

    CPython notes that no `except` took the interrupt, and forgets it whenever a string is evaluated, as
    `namedtuple` and `dataclass` do: importing what the last export needs would turn the status into 1.
    """
    # What Python printed as the end of the program. A prompt goes on after it, and may end in other ways.
    was_interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1")
    if was_interrupted:
        with suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - a constant; only so does CPython note it again
