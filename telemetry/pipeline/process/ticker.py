# SPDX-License-Identifier: Apache-2.0
"""A thread that does a piece of work at an interval, on demand, and once more before it ends."""

from __future__ import annotations

import logging
from queue import Empty
from typing import TYPE_CHECKING, Protocol

from telemetry.pipeline.process import threads
from telemetry.pipeline.process.threads import Latch, LateThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from queue import SimpleQueue

__all__ = ["Flushable", "Ticker", "flush_all"]

_logger = logging.getLogger("telemetry")


class Flushable(Protocol):
    """What can be told to export now."""

    def begin_flush(self) -> Latch:
        """Begins to export; the latch is set when that is done."""


def flush_all(each: Iterable[Flushable], deadline: float) -> bool:
    """Flushes all at the same time and returns whether all were done by `deadline` (`time.monotonic()`)."""
    flushes = [one.begin_flush() for one in each]
    return all(threads.wait(flush, deadline) for flush in flushes)


class Ticker:
    """The thread behind a queue or a metric reader.

    Whoever waits for it waits until a deadline and no longer; the work itself goes on in the thread.

    Args:
        name: Name of the thread.
        interval_s: Seconds between two runs.
        work: What is done; may block.

    Attributes:
        is_started: Whether the thread was started; a thread costs start-up time, so it starts when
            there is something to do.
    """

    def __init__(self, name: str, interval_s: float, work: Callable[[], None]) -> None:
        self._name = name
        self._interval_s = interval_s
        self._work = work
        # SimpleQueue.put is reentrant by specification (signal handlers, __del__).
        self._commands: SimpleQueue[Latch | None] = threads.queue()
        self._stopping = False
        self._thread = LateThread(self._run, name)
        self.is_started = False

    def start(self) -> None:
        """Starts the thread, unless it was started before."""
        self.is_started = True  # kept here too: it is asked for every record
        self._thread.start()

    def wake(self) -> None:
        """Runs the work soon."""
        self._commands.put(None)

    def begin_flush(self) -> Latch:
        """Asks for a run that begins after this call; the latch is set when it has ended."""
        done = Latch()
        if self._thread.is_alive():
            self._commands.put(done)
        else:
            self._work_without_thread()
            done.set()
        return done

    def stop(self) -> None:
        """Runs the work once more, if it ever ran, then ends the thread; does not wait."""
        self._stopping = True
        self._commands.put(None)
        self._work_without_thread()

    def join(self, deadline: float) -> bool:
        """Waits for the thread to end and returns whether it did in time."""
        return self._thread.join(deadline)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            done = self._next_command()
            is_last = self._stopping
            self._work_once()
            if done is not None:
                done.set()
        # Whoever asked for a flush while the last run was going on is served by it or has nothing left.
        while not self._commands.empty():
            left = self._commands.get()
            if left is not None:
                left.set()

    def _work_once(self) -> None:
        try:
            self._work()
        except Exception:
            _logger.exception("%s: the work failed; the thread goes on", self._name)

    def _work_without_thread(self) -> None:
        if self._thread.is_refused:
            self._work_once()

    def _next_command(self) -> Latch | None:
        try:
            return self._commands.get(timeout=self._interval_s)
        except Empty:
            return None
