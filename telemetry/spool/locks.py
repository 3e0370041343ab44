# SPDX-License-Identifier: Apache-2.0
"""Locks between processes: files that are held with flock, which ends with the process however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry.spool.descriptors import Descriptors
    from telemetry.spool.directory import Directory

__all__ = ["LOCK_SUFFIX", "LockFile", "is_held"]

LOCK_SUFFIX = ".lock"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class LockFile:
    """A file in the spool whose flock one process holds at a time.

    Args:
        directory: The spool's folder.
        name: The file's name.
        descriptors: Keeps track of what is open.
    """

    def __init__(self, directory: Directory, name: str, descriptors: Descriptors) -> None:
        self._directory = directory
        self.name = name
        self._descriptors = descriptors
        self.fd = -1

    def try_take(self) -> bool:
        """Takes the lock unless another process holds it; makes the file when it is missing.

        Raises:
            OSError: The file cannot be opened.
        """
        import fcntl

        if self.fd < 0:
            self.fd = self._descriptors.open(
                self.name, os.O_RDWR | os.O_CREAT | _NO_LINK, dir_fd=self._directory.fd
            )
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if self._is_in_place():
            return True
        self.close()  # its last holder removed it after we had opened it: another one counts now
        return False

    def take(self, timeout_s: float) -> None:
        """Waits for the lock.

        Raises:
            TimeoutError: Another process held it all the time (it may be stopped).
            OSError: The file cannot be opened.
        """
        end, pause = time.monotonic() + timeout_s, 0.0001
        while not self.try_take():
            if time.monotonic() > end:
                raise TimeoutError(errno.ETIMEDOUT, f"another process keeps {self.name} for {timeout_s:g} s")
            time.sleep(pause)
            pause = min(2 * pause, 0.005)

    def release(self) -> None:
        """Gives the lock back and keeps the file open for the next time."""
        import fcntl

        if self.fd >= 0:
            with contextlib.suppress(OSError):
                fcntl.flock(self.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Closes the file, which gives the lock back unless a forked child has it open, too."""
        descriptor, self.fd = self.fd, -1
        self._descriptors.close(descriptor)

    def remove(self) -> None:
        """Removes the file and gives the lock back; only its holder may do so."""
        with contextlib.suppress(OSError):
            self._directory.remove(self.name)
        self.release()  # also where a child that was forked just now has a copy of the descriptor
        self.close()

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(self._directory.status(self.name), os.fstat(self.fd))
        except FileNotFoundError:
            return False


def is_held(directory: Directory, name: str) -> bool:
    """Whether a process holds that lock; leaves no trace.

    Raises:
        OSError: The file is there and cannot be opened.
    """
    import fcntl

    try:
        descriptor = os.open(name, os.O_RDONLY | _NO_LINK, dir_fd=directory.fd)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
