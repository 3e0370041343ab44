# SPDX-License-Identifier: Apache-2.0
"""The folder of one exporter, open: its files, its limits, its locks."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from telemetry.spool.catalog import TEMPORARY_SUFFIX, Catalog
from telemetry.spool.directory import Directory
from telemetry.spool.limits import Limits
from telemetry.spool.locks import LOCK_SUFFIX, LockFile
from telemetry.spool.room import make_room
from telemetry.spool.side_folder import CORRUPT, DEAD_LETTERS, SideFolder
from telemetry.spool.stored import StoredFile, decode, encode, stored_size, writer_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry.spool.descriptors import Descriptors
    from telemetry.spool.limits import Usage
    from telemetry.spool.request import Request

__all__ = ["Store"]

_MOST_CORRUPT = 100
_ATTEMPTS = 8


class Store:
    """What one process does in the folder. Methods raise OSError where the system does.

    Args:
        folder: The folder; made when it is missing.
        most: What it may hold.
        descriptors: Keeps track of what is open.
        new_nonce: Makes 8 hex digits that tell this writer from others with its process id.
    """

    def __init__(
        self, folder: Path, most: Usage, descriptors: Descriptors, new_nonce: Callable[[], str]
    ) -> None:
        self.directory = Directory(folder, descriptors)
        self.limits = Limits(self.directory, most, descriptors)
        self.dead_letters = SideFolder(
            self.directory, DEAD_LETTERS, max_files=max(1, most.files // 4), max_bytes=most.bytes // 4
        )
        self.corrupt = SideFolder(
            self.directory, CORRUPT, max_files=_MOST_CORRUPT, max_bytes=most.bytes // 16
        )
        self.adopted: dict[str, LockFile] = {}
        self._descriptors = descriptors
        self._new_nonce = new_nonce
        self._own: LockFile | None = None
        self._catalog = Catalog()

    @property
    def writer(self) -> str | None:
        """This process's name as a writer; None before it has written."""
        return None if self._own is None else self._own.name.removesuffix(LOCK_SUFFIX)

    def lock_of(self, writer: str) -> LockFile:
        """The lock that a writer holds while it lives."""
        return LockFile(self.directory, writer + LOCK_SUFFIX, self._descriptors)

    def renew_lock(self) -> None:
        """Makes this process's lock file again after somebody removed it."""
        if self._own is not None:
            lock = LockFile(self.directory, self._own.name, self._descriptors)
            if lock.try_take():
                self._own.close()
                self._own = lock
            else:
                lock.close()

    def write(
        self,
        request: Request,
        sequence: int,
        time_ns: int,
        *,
        surrender: Callable[[StoredFile], bool],
        accept: Callable[[StoredFile], bool],
    ) -> StoredFile | None:
        """Writes a request.

        Args:
            request: The request.
            sequence: Its number.
            time_ns: Its time.
            surrender: Asked before another request goes to make room.
            accept: Told of the file as soon as others can see it; False: it is not wanted any more.

        Returns:
            The file; None when there is no room whatever goes.
        """
        data = encode(request)
        with self.limits.locked():
            file = self._named(request, sequence, time_ns)
            if not self.make_room(file.size, surrender):
                return None
            self.limits.add(file.size)
            temporary = file.name + TEMPORARY_SUFFIX
            self.directory.write(temporary, data)
            try:
                self.directory.move(temporary, file.name)
            except OSError:
                with contextlib.suppress(OSError):
                    self.directory.remove(temporary)
                raise
            if not accept(file):
                self.directory.remove(file.name)
        return file

    def make_room(self, size: int, surrender: Callable[[StoredFile], bool]) -> bool:
        """Makes room for one file; the limits' lock is held. False when it does not fit whatever goes."""
        side_folders = (self.corrupt, self.dead_letters)
        return make_room(size, self.directory, self._catalog, self.limits, side_folders, surrender)

    def read(self, file: StoredFile) -> Request:
        """Reads a request.

        Raises:
            DamagedError: The file is not what was written.
        """
        return decode(self.directory.read(file.name, file.size), file)

    def set_aside(self, file: StoredFile) -> None:
        """Moves a damaged file out of the way."""
        with self.limits.locked():
            self.corrupt.take(file, self.directory)

    def bury(self, file: StoredFile, note: bytes, surrender: Callable[[StoredFile], bool]) -> None:
        """Moves a request to the dead letters, with a note; removes it when it is too large for them."""
        with self.limits.locked():
            if file.size + len(note) > self.dead_letters.max_bytes:
                self.directory.remove(file.name)
                return
            self._note(file, note, surrender)
            self.dead_letters.take(file, self.directory)

    def bury_new(
        self,
        request: Request,
        sequence: int,
        time_ns: int,
        note: bytes,
        surrender: Callable[[StoredFile], bool],
    ) -> None:
        """Writes a request that was never in the folder to the dead letters, unless it is too large."""
        with self.limits.locked():
            file = self._named(request, sequence, time_ns)
            if file.size + len(note) > self.dead_letters.max_bytes:
                return
            self._note(file, note, surrender)
            if self.make_room(file.size, surrender):
                self.limits.add(file.size)
                self.dead_letters.add(file, encode(request))

    def close(self, *, is_empty: bool) -> None:
        """Lets go of everything.

        Args:
            is_empty: Nothing of this process is left in the folder: its lock file goes, too.
        """
        locks = list(self.adopted.values())
        self.adopted = {}
        own, self._own = self._own, None
        if own is not None:
            locks.append(own)
            if is_empty:
                own.remove()
        for lock in locks:
            lock.release()  # a child that was forked just now may have a copy of the descriptor
            lock.close()
        self.limits.close()
        self.dead_letters.close()
        self.corrupt.close()
        self.directory.close()

    def _named(self, request: Request, sequence: int, time_ns: int) -> StoredFile:
        if self._own is None:
            self._own = self._become_writer()
        writer = self._own.name.removesuffix(LOCK_SUFFIX)
        return StoredFile.of(time_ns, writer, sequence, request.records, stored_size(request), request.signal)

    def _become_writer(self) -> LockFile:
        for _ in range(_ATTEMPTS):
            lock = self.lock_of(writer_name(os.getpid(), self._new_nonce()))
            if lock.try_take():
                return lock
            lock.close()  # somebody took it for a dead writer's: under another name, then
        raise BlockingIOError(errno.EAGAIN, f"no lock of its own in {_ATTEMPTS} attempts")

    def _note(self, file: StoredFile, note: bytes, surrender: Callable[[StoredFile], bool]) -> None:
        if self.make_room(len(note), surrender):
            self.limits.add(len(note))
            self.dead_letters.note(file, note)
