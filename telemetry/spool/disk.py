# SPDX-License-Identifier: Apache-2.0
"""The spool: requests of one exporter that wait in a folder and outlive the process."""

from __future__ import annotations

import contextlib
from importlib.util import find_spec
from secrets import token_hex
from threading import Lock
from time import monotonic as system_monotonic
from time import time_ns
from typing import TYPE_CHECKING

from telemetry.errors import ConfigError
from telemetry.spool.custody import Clocks, Limit
from telemetry.spool.disk_queue import DiskQueue
from telemetry.spool.keeper import Keeper
from telemetry.spool.limits import Usage
from telemetry.spool.takeover import let_go, look_around

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry.config.exporters import Signal
    from telemetry.spool.queue import OnDrop, RequestQueue
    from telemetry.spool.syncing import Fsync

__all__ = ["Spool"]


class Spool:
    """Keeps requests in files, one each, until they are delivered. Thread-safe.

    Any number of processes may share the folder. Each sends its own files; when it ends, whichever
    process looks first sends what it left. The limits are the folder's. When the disk does not take
    a file, requests wait in memory, with one warning, until it does.

    In a forked child the parent's object must not be used: `abandon_in_child`, then make a new one.

    Args:
        folder: The folder of one exporter; made when it is missing, for this user alone.
        max_bytes: What all files may take, dead letters and damaged files included.
        max_files: How many there may be.
        max_age_s: Seconds after which a request is given up.
        fsync: When files are forced onto the disk: `off`, `interval` (at most once a second, by
            whoever puts or peeks next) or `always`.
        now_ns: The wall clock (Unix nanoseconds).
        monotonic: The monotonic clock (seconds).
        new_nonce: Makes 8 hex digits.
        look_every_s: Seconds between two looks for what dead processes left.

    Raises:
        ConfigError: The folder can never work: it is a file, or the platform has no flock.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_files: int,
        max_age_s: float,
        fsync: Fsync = "interval",
        now_ns: Callable[[], int] = time_ns,
        monotonic: Callable[[], float] = system_monotonic,
        new_nonce: Callable[[], str] = lambda: token_hex(4),
        look_every_s: float = 3.0,
    ) -> None:
        folder = folder.absolute()  # the process may change its directory later
        _insist_on_usable(folder)
        self._queues: dict[Signal, DiskQueue] = {}
        self._open: set[Signal] = set()
        self._monotonic = monotonic
        self._look_every_s = look_every_s
        self._look_at: float | None = None
        self._tending = Lock()  # never waited for
        self._keeper = Keeper(
            folder,
            Limit(Usage(max_files, max_bytes), max_age_s),
            fsync,
            Clocks(now_ns, monotonic, new_nonce),
            self._queues,
        )
        self._keeper.opened()

    def queue(self, signal: Signal, memory_max_bytes: int, on_drop: OnDrop) -> RequestQueue:
        """Makes the queue of one signal; once per signal, and all before the first is used.

        Args:
            signal: Whose requests.
            memory_max_bytes: What may wait in memory while the disk does not work.
            on_drop: Told of every request that is given up; called without any lock.
        """
        queue = DiskQueue(
            self._keeper,
            signal,
            memory_max_bytes,
            on_drop,
            tend=self._tend,
            on_close=self._close_queue,
        )
        self._queues[signal] = queue
        self._open.add(signal)
        return queue

    def close(self) -> None:
        """Writes what waits in memory, forces the files onto the disk and lets go of all locks."""
        for queue in list(self._queues.values()):
            queue.close()
        self._shut()

    def abandon_in_child(self) -> None:
        """Lets go of everything in a forked child: closes descriptors, touches no file and no lock.

        The locks stay the parent's; were the child's copies left open, they would outlive it.
        Afterwards the object is closed and holds no request.
        """
        self._keeper.abandon()  # closed: nobody asks for `_tending` any more, which may be held for ever
        for queue in self._queues.values():
            queue.abandon()

    def _tend(self) -> None:
        """Does what is due: fsync, trying a broken disk again, looking for what dead processes left."""
        keeper = self._keeper
        if not keeper.is_usable or not self._tending.acquire(blocking=False):
            return
        try:
            store = keeper.opened()
            if store is None:
                return
            with keeper.contained():
                keeper.syncer.sync_if_due(store.directory)
            for queue in list(self._queues.values()):
                queue.save()
            now = self._monotonic()
            if self._look_at is None or now >= self._look_at:
                self._look_at = now + self._look_every_s
                keeper.remove_leftovers()
                keeper.notice_removal()
                # What cannot be read or locked now is tried again in a few seconds.
                with contextlib.suppress(OSError):
                    look_around(store, self._queues, keeper.is_expired)
        finally:
            self._tending.release()

    def _close_queue(self, queue: DiskQueue) -> None:
        if queue.signal in self._open:
            queue.save(is_idle=False)
            self._open.discard(queue.signal)
            if not self._open:
                self._shut()

    def _shut(self) -> None:
        store = self._keeper.current
        if store is not None:
            with contextlib.suppress(OSError), store.limits.locked():
                let_go(store)
        is_empty = not any(queue.on_disk().requests for queue in self._queues.values())
        self._keeper.close(is_empty=is_empty)


def _insist_on_usable(folder: Path) -> None:
    if find_spec("fcntl") is None:
        raise ConfigError(
            [
                f"spool_dir = {str(folder.parent)!r}: this platform has no file locks (fcntl), which the "
                "spool needs to share its folder between processes; allowed: nothing here. Leave spool_dir "
                "unset: telemetry then waits in memory (queue_max_bytes)."
            ]
        )
    for path in (folder, *folder.parents):
        if path.is_file():
            raise ConfigError(
                [
                    f"spool_dir = {str(folder.parent)!r}: {str(path)!r} is a file; allowed: a directory, "
                    "which is made when it is missing. Remove the file, or set KAIROS_TELEMETRY_SPOOL_DIR to "
                    "another path."
                ]
            )
