# SPDX-License-Identifier: Apache-2.0
"""What queues ask of their folder; whatever goes wrong there ends here."""

from __future__ import annotations

import contextlib
from _thread import RLock  # gevent replaces the one in threading, which then serves one thread only
from itertools import count
from typing import TYPE_CHECKING

from telemetry.spool.custody import Fate, Owner
from telemetry.spool.descriptors import Descriptors
from telemetry.spool.disk_health import DiskHealth
from telemetry.spool.locks import LOCK_SUFFIX, is_held
from telemetry.spool.notes import dead_letter_note
from telemetry.spool.store import Store
from telemetry.spool.syncing import Fsync, Syncer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from telemetry.config.exporters import Signal
    from telemetry.spool.custody import Clocks, Custodian, Limit
    from telemetry.spool.request import Request
    from telemetry.spool.stored import StoredFile

__all__ = ["Keeper"]

_NS_PER_S = 1_000_000_000


class Keeper:
    """Writes, reads and removes the files of all queues of one folder. Thread-safe.

    Args:
        folder: The folder.
        limit: What may wait in it.
        fsync: When files are forced onto the disk.
        clocks: Where time and chance come from.
        queues: Those whose files these are; filled by the caller.
    """

    def __init__(
        self,
        folder: Path,
        limit: Limit,
        fsync: Fsync,
        clocks: Clocks,
        queues: Mapping[Signal, Custodian],
    ) -> None:
        self.folder = folder
        self.health = DiskHealth(folder, clocks.monotonic)
        self.syncer = Syncer(fsync, clocks.monotonic)
        self.next_serial: Callable[[], int] = count().__next__
        self.is_closed = False
        self._limit = limit
        self._clocks = clocks
        self._queues = queues
        self._descriptors = Descriptors()
        self._store: Store | None = None
        self._retired: Store | None = None
        self._leftovers: list[StoredFile] = []
        self._last_ns = 0
        self._make_locks()

    @property
    def is_usable(self) -> bool:
        """Whether the disk is to be tried now."""
        return not self.is_closed and self.health.is_due

    @property
    def current(self) -> Store | None:
        """The folder if it is open."""
        return self._store

    def opened(self) -> Store | None:
        """Returns the open folder; None while it cannot be opened."""
        with self._opening:
            if self._store is None and not self.is_closed:
                try:
                    self._store = Store(
                        self.folder, self._limit.usage, self._descriptors, self._clocks.new_nonce
                    )
                except OSError as error:
                    self.health.failed(error)
            return self._store

    @contextlib.contextmanager
    def contained(self) -> Iterator[None]:
        """Keeps an OSError from going further, and notes it."""
        try:
            yield
        except OSError as error:
            self._failed(error)

    def save(self, request: Request, serial: int, accept: Callable[[StoredFile], bool]) -> Fate:
        """Writes a request; the oldest ones go when there is no room.

        Args:
            request: The request.
            serial: Its number.
            accept: Told of the file; False when it is not wanted any more.
        """
        store = self.opened()
        if store is None:
            return Fate.FAILED
        try:
            with self._booked(store) as surrender:
                time_ns = self._time_of(request)
                file = store.write(request, serial, time_ns, surrender=surrender, accept=accept)
        except OSError as error:
            self._failed(error)
            return Fate.FAILED
        self.health.worked()
        if file is None:
            return Fate.NO_ROOM
        with self.contained():
            self.syncer.wrote(file.name, store.directory)
            self.syncer.sync_if_due(store.directory)
        return Fate.KEPT

    def read(self, file: StoredFile) -> Request:
        """Reads a request.

        Raises:
            OSError: The file cannot be read now.
            DamagedError: The file is not what was written.
        """
        store = self._store
        if store is None:
            raise FileNotFoundError(f"{self.folder} is gone")
        return store.read(file)

    def remove(self, file: StoredFile) -> None:
        """Removes a file that is not needed any more; tried again later when it cannot be."""
        store = self._store
        if store is not None:
            try:
                store.directory.remove(file.name)
            except OSError:  # a disk that became read-only
                self._leftovers.append(file)

    def remove_leftovers(self) -> None:
        """Tries again to remove what could not be removed."""
        leftovers, self._leftovers = self._leftovers, []
        for file in leftovers:
            self.remove(file)

    def set_aside(self, file: StoredFile) -> None:
        """Moves a damaged file out of the way where that is possible."""
        store = self._store
        if store is not None:
            with self.contained():
                store.set_aside(file)

    def bury(self, request: Request, file: StoredFile | None, reason: str, error: str) -> None:
        """Keeps a request among the dead letters, with a note that says why.

        Args:
            request: The request.
            file: Where it is; None when it is not in the folder.
            reason: Why it was given up.
            error: What was said about it.
        """
        store = self.opened()
        if store is None:
            return
        note = dead_letter_note(request, reason, error, self._clocks.now_ns())
        try:
            with self._booked(store) as surrender:
                if file is None:
                    store.bury_new(request, self.next_serial(), self._time_of(request), note, surrender)
                else:
                    store.bury(file, note, lambda victim: victim != file and surrender(victim))
        except OSError as problem:
            self._failed(problem)
            if file is not None:
                self.remove(file)

    def is_expired(self, file: StoredFile) -> bool:
        """Whether a file is too old to be sent."""
        return self._clocks.now_ns() - file.time_ns > self._limit.max_age_s * _NS_PER_S

    def notice_removal(self) -> None:
        """Lets go of a folder that was removed or renamed; it is made afresh next time."""
        with self._opening:
            store = self._store
            if store is not None and not store.directory.is_in_place():
                # Closed only when the next one goes: another thread may be using its descriptors.
                if self._retired is not None:
                    self._retired.close(is_empty=False)
                self._store, self._retired = None, store

    def close(self, *, is_empty: bool) -> None:
        """Forces the files onto the disk and lets go of all locks.

        Args:
            is_empty: Nothing of this process is left in the folder.
        """
        self.is_closed = True
        with self._opening:
            store, self._store = self._store, None
        if store is not None:
            with contextlib.suppress(OSError):
                self.syncer.sync(store.directory)
            store.close(is_empty=is_empty and not self._leftovers)
        if self._retired is not None:
            self._retired.close(is_empty=False)

    def abandon(self) -> None:
        """Closes a forked child's copies of the descriptors; touches no file and no lock."""
        self.is_closed = True
        self._store = self._retired = None
        self._leftovers = []
        self._make_locks()  # threads that the child does not have may hold them
        self._descriptors.close_all()

    def _make_locks(self) -> None:
        self.lock = RLock()  # reentrant, for a signal handler may put while it is held
        self._opening = RLock()

    def _time_of(self, request: Request) -> int:
        # Never backwards: names sort in the order of their writer even if its clock is set back.
        self._last_ns = max(self._last_ns, request.created_ns)
        return self._last_ns

    def _failed(self, error: OSError) -> None:
        self.health.failed(error)
        self.notice_removal()

    @contextlib.contextmanager
    def _booked(self, store: Store) -> Iterator[Callable[[StoredFile], bool]]:
        """Gives what decides which files may go; books those that went when no lock is held any more."""
        gone: list[tuple[StoredFile, bool]] = []

        def surrender(file: StoredFile) -> bool:
            queue = self._queues.get(file.signal)
            owner = Owner.UNKNOWN if queue is None else queue.surrender(file)
            if owner is Owner.BUSY:
                return False
            if owner is not Owner.UNKNOWN:
                gone.append((file, owner is Owner.OURS))
            elif _is_nobodys(file, store):
                gone.append((file, False))
            return True

        try:
            yield surrender
        except OSError:
            self._leftovers += [file for file, _ in gone]  # perhaps just this could not be removed
            raise
        finally:
            for file, is_own in gone:
                queue = self._queues.get(file.signal)
                if queue is not None:
                    queue.on_drop("spool_full", file.records, None, is_own=is_own)


def _is_nobodys(file: StoredFile, store: Store) -> bool:
    """Whether its writer is gone and nobody has taken over; a live process notices and books it itself."""
    if file.writer == store.writer or file.writer in store.adopted:
        return False  # booked already
    return not is_held(store.directory, file.writer + LOCK_SUFFIX)
