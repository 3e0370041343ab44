# SPDX-License-Identifier: Apache-2.0
"""Threads of the operating system, and what passes between them, also where gevent replaced threading.

A library that turns threads into greenlets would have the program wait whenever telemetry encodes,
writes or waits for a receiver. So telemetry works in real threads, whatever `threading` and `queue` are
by now: gevent may have patched them before this module was imported or later, after `init` or in a
forked worker. What is original is therefore looked up whenever something is made.
"""

from __future__ import annotations

import sys
from _thread import RLock
from contextlib import suppress
from importlib import import_module
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable
    from queue import SimpleQueue

__all__ = ["Background", "Latch", "LateThread", "are_greenlets", "lock", "queue", "rlock", "start", "wait"]

_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.016
"""Between two looks at a latch from a greenlet: what the wait may be longer than it needs to be."""


class Background(Protocol):
    """A running thread."""

    def is_alive(self) -> bool:
        """Whether its work goes on."""

    def join(self, timeout: float | None = None) -> None:
        """Waits for its end, at most that many seconds."""


class Latch:
    """An event that happens once. Any thread or greenlet may set it and wait for it.

    Unlike `threading.Event` it can be set in the middle of being set (signal handlers, `__del__`).
    """

    def __init__(self) -> None:
        self._is_set = False
        self._closed = lock()
        self._closed.acquire()

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Lets everybody go on who waits or will wait."""
        if not self._is_set:
            self._is_set = True
            self._open()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is set, at most that many seconds, and returns whether it is.

        In a greenlet the others of its thread go on meanwhile.
        """
        sleep = _sleep_of_greenlets()
        if sleep is not None:
            return self._wait_among_greenlets(sleep, None if timeout is None else monotonic() + timeout)
        return self.block(timeout)

    def block(self, timeout: float | None = None) -> bool:
        """The same, but the whole thread waits, whatever runs in it."""
        if not self._is_set and self._closed.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            self._open()  # so that the next one who waits goes on as well
        return self._is_set

    def _open(self) -> None:
        with suppress(RuntimeError):  # somebody else did, in the same moment
            self._closed.release()

    def _wait_among_greenlets(self, sleep: Callable[[float], object], deadline: float | None) -> bool:
        pause = _FIRST_PAUSE_SECONDS
        while not self._is_set:
            left = pause if deadline is None else deadline - monotonic()
            if left <= 0:
                return False
            sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return True


def wait(latch: Latch, deadline: float) -> bool:
    """Waits for a latch until `deadline` (`time.monotonic()` seconds) and returns whether it is set."""
    return latch.wait(max(0.0, deadline - monotonic()))


def start(target: Callable[[], object], name: str) -> Background:
    """Starts a thread that does not keep the process from ending.

    Args:
        target: The work; expected not to raise.
        name: Name of the thread, where threads can have one.

    Raises:
        RuntimeError: There can be no more threads; Python 3.12 starts none while the interpreter shuts down.
    """
    if are_greenlets():
        return _BareThread(target)
    thread = Thread(target=_run, args=(target,), name=name, daemon=True)
    thread.start()
    return thread


def lock() -> LockType:
    """Makes a lock between threads. Do nothing under it that lets another greenlet run."""
    made: LockType = _original("_thread", "allocate_lock")()
    return made


def rlock() -> RLock:
    """Makes a reentrant lock between threads; the greenlets of one thread are one owner."""
    return RLock()


def queue() -> SimpleQueue[Any]:
    """Makes a queue between threads, whose `put` neither waits nor minds being interrupted by another."""
    made: SimpleQueue[Any] = _original("queue", "SimpleQueue")()
    return made


def _run(target: Callable[[], object]) -> None:
    try:
        target()
    finally:
        if are_greenlets():
            # Meanwhile: `threading` would now look for this thread, to forget it, under a name that gevent
            # gives it, and complain. To ask for it makes an entry of that name.
            current_thread()


class LateThread:
    """A thread that is started when there is something to do, once, from wherever that is noticed first.

    Args:
        target: The work; expected not to raise.
        name: Name of the thread, where threads can have one.

    Attributes:
        is_started: Whether `start` was called.
        is_refused: Whether it could not be started: Python 3.12 starts none while the interpreter shuts down.
    """

    def __init__(self, target: Callable[[], object], name: str) -> None:
        self._target = target
        self._name = name
        self._starting = rlock()  # reentrant, for a signal handler may record while this starts
        self._thread: Background | None = None
        self.is_started = False
        self.is_refused = False

    def start(self) -> None:
        """Starts the thread, unless it was started before."""
        with self._starting:
            if not self.is_started:
                self.is_started = True
                try:
                    self._thread = start(self._target, self._name)
                except RuntimeError:
                    self.is_refused = True

    def is_alive(self) -> bool:
        """Whether its work goes on."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, deadline: float) -> bool:
        """Waits for its end until `deadline` (`time.monotonic()`) and returns whether it has ended."""
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - monotonic()))
        return not self.is_alive()


class _BareThread:
    """A thread that `threading` knows nothing of, for its threads are greenlets here."""

    def __init__(self, target: Callable[[], object]) -> None:
        self._target = target
        self._ended = Latch()
        _original("_thread", "start_new_thread")(self._run, ())

    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def join(self, timeout: float | None = None) -> None:
        self._ended.wait(timeout)

    def _run(self) -> None:
        try:
            self._target()
        finally:
            _end_hub()
            self._ended.set()


def _monkey() -> Any:
    """The patching module of gevent, if this process has it; nothing is imported for the question."""
    return sys.modules.get("gevent.monkey")


def are_greenlets() -> bool:
    """Whether the threads that `threading` starts are greenlets by now."""
    monkey = _monkey()
    return monkey is not None and bool(monkey.is_module_patched("_thread"))


def _original(module: str, name: str) -> Any:
    monkey = _monkey()
    if monkey is not None:
        return monkey.get_original(module, name)
    return getattr(import_module(module), name)


def _hub() -> Any:
    """The event loop that gevent runs in this thread, if it has one."""
    local = sys.modules.get("gevent._hub_local")
    return None if local is None else local.get_hub_if_exists()


def _sleep_of_greenlets() -> Callable[[float], object] | None:
    """How to wait here without holding other greenlets up; None where there are none."""
    hub = _hub()
    if hub is None:
        return None
    gevent: Any = sys.modules["gevent"]
    if gevent.getcurrent() is hub:
        return None  # the loop itself, for instance in a signal handler: it can let nobody else run
    sleep: Callable[[float], object] = gevent.sleep
    return sleep


def _end_hub() -> None:
    """Frees the event loop that this thread got when something in it waited gevent's way."""
    hub = _hub()
    if hub is not None:
        hub.destroy(destroy_loop=True)
