# SPDX-License-Identifier: Apache-2.0
"""One writer at a time, among threads and among processes."""

from __future__ import annotations

import os
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from telemetry.audit.errors import AuditError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["FileLock"]

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class FileLock:
    """A lock on a file of its own, held for a moment at a time; the kernel frees it when a process dies.

    In a forked child it opens the file anew: a lock that was inherited would be the parent's.

    Args:
        path: The lock file; it is made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        try:
            from fcntl import LOCK_EX, LOCK_UN, flock
        except ImportError:
            raise AuditError(
                "writing an audit trail needs flock, which this platform does not have"
            ) from None
        self._lock = lambda descriptor: flock(descriptor, LOCK_EX)
        self._unlock = lambda descriptor: flock(descriptor, LOCK_UN)
        self._path = path
        self._threads = RLock()
        self._depth = 0
        self._pid = 0
        self._descriptor = -1

    def __enter__(self) -> int:
        """Waits for the lock; returns how often this thread holds it now.

        More than once: a signal handler or a destructor has interrupted the one that holds it.
        """
        if self._pid != os.getpid():
            self._begin_in_this_process()
        self._threads.acquire()
        if self._depth == 0:
            try:
                self._lock(self._descriptor)
            except BaseException:
                self._threads.release()
                raise
        self._depth += 1
        return self._depth

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._unlock(self._descriptor)
        self._threads.release()

    def close(self) -> None:
        """Closes the file."""
        if self._pid == os.getpid():
            os.close(self._descriptor)
        self._pid = 0

    def _begin_in_this_process(self) -> None:
        # The parent's lock between threads may be held by a thread that a child does not have.
        self._threads = RLock()
        self._depth = 0
        self._descriptor = os.open(self._path, _FLAGS, 0o600)
        self._pid = os.getpid()
