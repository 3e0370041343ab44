# SPDX-License-Identifier: Apache-2.0
"""One writer at a time, among threads and among processes."""

from __future__ import annotations

import os
import weakref
from collections import deque
from threading import RLock
from typing import TYPE_CHECKING

from telemetry.audit.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

__all__ = ["FileLock", "Turn"]

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Turn:
    """What holds the lock in this process.

    Attributes:
        threads: Holds the threads of this process apart.
        depth: How often the holding thread has entered. More than once: a signal handler or a destructor
            has interrupted it.
        deferred: What such an interruption wanted to have done; whoever holds the lock does it.
        descriptor: The lock file; -1 when it is not open.
        identity: Device and inode of the lock file.
    """

    __slots__ = ("deferred", "depth", "descriptor", "identity", "threads")

    def __init__(self) -> None:
        self.threads = RLock()
        self.depth = 0
        self.deferred: deque[Callable[[], None]] = deque()
        self.descriptor = -1
        self.identity = (-1, -1)

    def close(self) -> None:
        """Closes the lock file."""
        descriptor, self.descriptor = self.descriptor, -1  # a fork in between must find no closed number here
        if descriptor >= 0:
            os.close(descriptor)


class FileLock:
    """A lock on a file of its own, held for a moment at a time; the kernel frees it when a process dies.

    A forked child begins with a lock of its own: the inherited one would be the parent's, perhaps held by
    a thread that the child does not have.

    Args:
        path: The lock file; it is made when it is missing.

    Raises:
        AuditError: The platform has no such locks.
    """

    def __init__(self, path: Path) -> None:
        try:
            from fcntl import LOCK_EX, LOCK_UN, flock
        except ImportError:
            raise AuditError(
                "writing an audit trail needs flock, which this platform does not have"
            ) from None
        self._lock: Callable[[int], None] = lambda descriptor: flock(descriptor, LOCK_EX)
        self._unlock: Callable[[int], None] = lambda descriptor: flock(descriptor, LOCK_UN)
        self._path = path
        self._turn = Turn()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _renew(itself()))

    def __enter__(self) -> Turn:
        """Waits for the lock; see `Turn.depth` for who has it."""
        turn = self._turn
        turn.threads.acquire()
        turn.depth += 1  # before the lock is there: an interruption from here on is deferred
        if turn.depth == 1:
            try:
                self._wait_for_file(turn)
            except BaseException:
                turn.depth -= 1
                turn.threads.release()
                raise
        return turn

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        turn = self._turn
        turn.depth -= 1
        if turn.depth == 0 and turn.descriptor >= 0:
            self._unlock(turn.descriptor)
        turn.threads.release()

    def release_file(self) -> None:
        """Closes the lock file, by whoever holds the lock; it is opened again when it is needed."""
        self._turn.close()

    def renew(self) -> None:
        """Begins anew; in a forked child, where the parent's lock must not be held on to."""
        inherited, self._turn = self._turn, Turn()
        inherited.close()

    def _wait_for_file(self, turn: Turn) -> None:
        while True:
            if turn.descriptor < 0:
                turn.descriptor = os.open(self._path, _FLAGS, 0o600)
                there = os.fstat(turn.descriptor)
                turn.identity = (there.st_dev, there.st_ino)
            self._lock(turn.descriptor)
            try:
                there = self._path.stat(follow_symlinks=False)
                if (there.st_dev, there.st_ino) == turn.identity:
                    return
            except FileNotFoundError:
                pass
            turn.close()  # somebody removed the file: others lock the one that took its place


def _renew(lock: FileLock | None) -> None:
    if lock is not None:
        lock.renew()
