# SPDX-License-Identifier: Apache-2.0
"""The limits of a folder that many processes write into, kept exactly."""

from __future__ import annotations

import os
from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from contextlib import contextmanager
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from telemetry.spool.locks import LockFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.spool.descriptors import Descriptors
    from telemetry.spool.directory import Directory

__all__ = ["LIMITS_LOCK", "Limits", "Usage"]

LIMITS_LOCK = "limits.lock"
_TIMEOUT_S = 1.0


class Usage(NamedTuple):
    """What a folder holds, or may hold."""

    files: int
    bytes: int


class _Added(NamedTuple):
    """What all processes ever added to the folder, as the lock file says."""

    nonce: bytes
    files: int
    bytes: int


class Limits:
    """Knows whether there is room, mostly without looking.

    Under the lock each process adds to two counters in the lock file before it adds to the folder.
    What was seen at the last look plus what was added since is therefore never less than what is
    there, whoever is killed when; only when that does not fit is the folder looked at again.

    Args:
        directory: The folder.
        most: What it may hold.
        descriptors: Keeps track of what is open.
    """

    _COUNTERS = Struct(">8sQQ")

    def __init__(self, directory: Directory, most: Usage, descriptors: Descriptors) -> None:
        self.most = most
        self._file = LockFile(directory, LIMITS_LOCK, descriptors)
        self._lock = RLock()  # between threads: they share the flock; reentrant for signal handlers
        self._depth = 0
        self._seen: Usage | None = None
        self._added_when_seen = _Added(b"", 0, 0)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps all other writers of the folder, threads and processes, from adding or evicting.

        Raises:
            OSError: The lock file cannot be used, or a stopped process holds it for a second.
        """
        with self._lock:
            if self._depth == 0:
                self._file.take(_TIMEOUT_S)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._file.release()

    def has_room(self, size: int) -> bool | None:
        """Whether one more file of that size fits; None when only a look at the folder can tell."""
        if self._seen is None:
            return None
        added = self._read()
        if added.nonce != self._added_when_seen.nonce:
            return None
        files = self._seen.files + added.files - self._added_when_seen.files + 1
        total = self._seen.bytes + added.bytes - self._added_when_seen.bytes + size
        return True if files <= self.most.files and total <= self.most.bytes else None

    def saw(self, usage: Usage) -> None:
        """Remembers what the folder holds now."""
        self._seen = usage
        self._added_when_seen = self._read()

    def add(self, size: int) -> None:
        """Announces a file that is about to be added."""
        nonce, files, total = self._read()
        self._write(_Added(nonce, files + 1, total + size))

    def close(self) -> None:
        """Lets go of the lock file."""
        self._file.close()

    def _read(self) -> _Added:
        data = os.pread(self._file.fd, self._COUNTERS.size, 0)
        if len(data) == self._COUNTERS.size:
            return _Added(*self._COUNTERS.unpack(data))
        fresh = _Added(os.urandom(8), 0, 0)  # a new file, or what somebody made of it
        self._write(fresh)
        return fresh

    def _write(self, added: _Added) -> None:
        os.pwrite(self._file.fd, self._COUNTERS.pack(*added), 0)
