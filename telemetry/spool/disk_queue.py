# SPDX-License-Identifier: Apache-2.0
"""Requests of one signal that wait on disk, and in memory while the disk does not work."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING

from telemetry.spool.custody import Fate, Owner
from telemetry.spool.index import Index
from telemetry.spool.memory import MemoryQueue
from telemetry.spool.queue import Held
from telemetry.spool.stored import DamagedError, StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry.config.exporters import Signal
    from telemetry.spool.keeper import Keeper
    from telemetry.spool.queue import OnDrop, Waiting
    from telemetry.spool.request import Request

__all__ = ["DiskQueue"]

# The process or the machine is short of something: the file itself is not to blame.
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EBADF})


class DiskQueue:
    """The requests of one signal in a spool; `Spool.queue` makes it. Thread-safe; no method raises.

    It holds the requests of this process and, once their writers are gone, those of others, which
    come in the order of their times. `peek` also does the spool's housekeeping (fsync, looking for
    dead writers, trying a broken disk again), so it wants to be called every few seconds.

    Args:
        keeper: Writes and reads the files.
        signal: Whose requests.
        memory_max_bytes: What may wait in memory while the disk does not work.
        on_drop: Told of every request that is given up; called without any lock.
        tend: Does the housekeeping.
        on_close: Told when the queue is closed.
    """

    def __init__(
        self,
        keeper: Keeper,
        signal: Signal,
        memory_max_bytes: int,
        on_drop: OnDrop,
        *,
        tend: Callable[[], None],
        on_close: Callable[[DiskQueue], None],
    ) -> None:
        self.signal = signal
        self.on_drop = on_drop
        self._keeper = keeper
        self._tend = tend
        self._on_close = on_close
        self._memory_max_bytes = memory_max_bytes
        self._forget_all()

    def put(self, request: Request) -> None:
        """Takes a request into custody, on disk if that works, in memory if not."""
        if self.save():
            match self._keeper.save(request, self._keeper.next_serial(), self._accept):
                case Fate.KEPT:
                    return
                case Fate.NO_ROOM:
                    self.on_drop("spool_full", request.records, None, is_own=True)
                    return
        self._memory.put(request)

    def peek(self) -> Held | None:
        """Returns the oldest request that can be sent, or None."""
        self._tend()
        while (file := self._first()) is not None:
            if self._keeper.is_expired(file):
                self._keeper.remove(file)
                self._give_up(file, "spool_expired", None)
                continue
            try:
                request = self._keeper.read(file)
            except FileNotFoundError:
                self._give_up(file, "spool_removed", None)
            except (OSError, DamagedError) as error:
                if isinstance(error, OSError) and error.errno in _PASSING:
                    return None
                self._keeper.set_aside(file)
                self._give_up(file, "spool_corrupt", f"{file.name}: {error}")
            else:
                return Held(request, self._is_own(file), file)
        return self._memory.peek()

    def settle(self, held: Held) -> None:
        """Forgets a request that the receiver accepted, and removes its file."""
        file = held.place
        if not isinstance(file, StoredFile):
            self._memory.settle(held)
        elif self._discard(file):
            self._keeper.remove(file)

    def bury(self, held: Held, reason: str, error: str) -> None:
        """Gives a request up for good and books it; keeps it among the dead letters.

        A request whose place is None never waited here (it was too large to be sent): it is kept
        and booked as well.
        """
        file = held.place
        if isinstance(file, StoredFile):
            if not self._discard(file):
                return
            self._keeper.bury(held.request, file, reason, error)
        elif file is None or self._memory.take(file):
            self._keeper.bury(held.request, None, reason, error)
        else:
            return
        self.on_drop(reason, held.request.records, error, is_own=held.is_own)

    def in_memory(self) -> Waiting:
        """How much waits in memory because the disk does not work."""
        return self._memory.in_memory()

    def on_disk(self) -> Waiting:
        """How much of this process's own waits on disk."""
        return self._own.waiting

    def close(self) -> None:
        """Writes what waits in memory to the disk if it works; the last queue closes the spool."""
        self._on_close(self)

    # -- what the spool asks ---------------------------------------------------------------------

    def save(self, *, is_idle: bool = True) -> bool:
        """Writes what waits in memory to the disk; False when it does not work.

        Args:
            is_idle: Leave out the request that is being sent.
        """
        if not self._keeper.is_usable:
            return False
        while (oldest := self._memory.oldest(is_idle=is_idle)) is not None:
            serial, request = oldest
            match self._keeper.save(request, serial, partial(self._swap, serial, is_idle)):
                case Fate.FAILED:
                    return False
                case Fate.NO_ROOM:
                    if self._memory.take(serial):
                        self.on_drop("spool_full", request.records, None, is_own=True)
        return True

    def adopt(self, files: Iterable[StoredFile]) -> None:
        """Takes over what a dead process left."""
        with self._keeper.lock:
            self._adopted.merge(files)

    def surrender(self, file: StoredFile) -> Owner:
        """Forgets a file that is about to be removed, unless it is being sent."""
        with self._keeper.lock:
            if file == self._held:
                return Owner.BUSY
            if self._own.discard(file):
                return Owner.OURS
            return Owner.ADOPTED if self._adopted.discard(file) else Owner.UNKNOWN

    def files(self) -> list[StoredFile]:
        """Returns everything that waits on disk here and is not being sent."""
        with self._keeper.lock:
            files = [*self._own.files(), *self._adopted.files()]
            return [file for file in files if file != self._held]

    def lost(self, file: StoredFile) -> None:
        """Books a file that somebody else removed, unless it is being sent: then its reply counts."""
        with self._keeper.lock:
            if file == self._held:
                return
        self._give_up(file, "spool_removed", None)

    def abandon(self) -> None:
        """Forgets everything: this is the copy of a forked child."""
        self._forget_all()

    # -- own affairs -----------------------------------------------------------------------------

    def _forget_all(self) -> None:
        self._own, self._adopted = Index(), Index()
        self._held: StoredFile | None = None
        self._memory = MemoryQueue(
            self.signal,
            self._memory_max_bytes,
            self.on_drop,
            next_serial=self._keeper.next_serial,
            lock=self._keeper.lock,
        )

    def _accept(self, file: StoredFile) -> bool:
        with self._keeper.lock:
            self._own.append(file)
        return True

    def _swap(self, serial: int, is_idle: bool, file: StoredFile) -> bool:
        with self._keeper.lock:
            return self._memory.take(serial, is_idle=is_idle) and self._accept(file)

    def _first(self) -> StoredFile | None:
        """The file whose turn it is; None when it is the turn of memory, or nothing waits."""
        with self._keeper.lock:
            if self._keeper.is_closed:
                return None
            chosen, time_ns = self._own.first(), None
            if chosen is not None:
                time_ns = chosen.time_ns
            oldest = self._memory.oldest()
            if oldest is not None and (chosen is None or oldest[0] < chosen.sequence):
                chosen, time_ns = None, oldest[1].created_ns
            adopted = self._adopted.first()
            if adopted is not None and (time_ns is None or adopted.time_ns <= time_ns):
                chosen = adopted
            self._held = chosen
            return chosen

    def _is_own(self, file: StoredFile) -> bool:
        with self._keeper.lock:
            return file in self._own

    def _discard(self, file: StoredFile) -> bool:
        with self._keeper.lock:
            if self._held == file:
                self._held = None
            return self._own.discard(file) or self._adopted.discard(file)

    def _give_up(self, file: StoredFile, reason: str, error: str | None) -> None:
        is_own = self._is_own(file)
        if self._discard(file):
            self.on_drop(reason, file.records, error, is_own=is_own)
