# SPDX-License-Identifier: Apache-2.0
"""Looking around in the folder: what dead processes left, and what somebody removed."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING

from telemetry.spool.catalog import TEMPORARY_SUFFIX
from telemetry.spool.locks import LOCK_SUFFIX
from telemetry.spool.stored import StoredFile, is_writer, probable_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.config.exporters import Signal
    from telemetry.spool.disk_queue import DiskQueue
    from telemetry.spool.locks import LockFile
    from telemetry.spool.store import Store

__all__ = ["let_go", "look_around"]


def look_around(
    store: Store,
    queues: Mapping[Signal, DiskQueue],
    is_expired: Callable[[StoredFile], bool],
) -> None:
    """Takes over what dead writers left, and tells the queues which of their files are gone.

    One sender per writer: whoever holds its lock. A writer is taken over only when every signal
    that it left has a queue here; what nobody can send waits until it expires.

    Args:
        store: The folder.
        queues: The queues by signal.
        is_expired: Whether a file is too old to be sent.

    Raises:
        OSError: The folder cannot be read or written.
    """
    known = {file.name: (queue, file) for queue in queues.values() for file in queue.files()}
    names = set(store.directory.names())
    for name in known.keys() - names:
        # Asked once more: it may have been written while the folder was listed.
        if not store.directory.has(name):
            queue, file = known[name]
            queue.lost(file)
    if store.writer is not None and store.writer + LOCK_SUFFIX not in names:
        store.renew_lock()  # somebody removed it by hand: without it others would take us for dead
    unknown = _writers(names - known.keys()) - {store.writer, *store.adopted}
    idle = store.adopted.keys() - {file.writer for _, file in known.values()}
    if unknown or idle:
        with store.limits.locked():  # nobody evicts a file between its being listed and its being taken over
            dead = _claim_dead(store, unknown)
            if dead:
                _adopt(store, dead, queues, is_expired)
            if dead or idle:
                let_go(store)


def _writers(names: set[str]) -> set[str]:
    """Names everybody who left a file, a temporary file or a lock."""
    locks = {name.removesuffix(LOCK_SUFFIX) for name in names if name.endswith(LOCK_SUFFIX)}
    return set(filter(is_writer, {*locks, *map(probable_writer, names)}))


def _claim_dead(store: Store, writers: set[str]) -> dict[str, LockFile]:
    """Takes and returns the locks of those writers that are gone."""
    taken = {}
    for writer in writers:
        lock = store.lock_of(writer)
        with contextlib.suppress(OSError):  # a lock file that somebody put there: left alone
            if lock.try_take():
                taken[writer] = lock
                continue
        lock.close()
    return taken


def _adopt(
    store: Store,
    dead: Mapping[str, LockFile],
    queues: Mapping[Signal, DiskQueue],
    is_expired: Callable[[StoredFile], bool],
) -> None:
    # Listed once more: what a writer wrote between the first list and its death is not in that.
    left = defaultdict(list)
    for name in store.directory.names():
        left[probable_writer(name)].append(name)
    for writer, lock in dead.items():
        files = []
        for name in left[writer]:
            file = StoredFile.parse(name)
            if file is not None and (file.signal in queues or not is_expired(file)):
                files.append(file)
            elif file is not None or StoredFile.parse(name.removesuffix(TEMPORARY_SUFFIX)) is not None:
                store.directory.remove(name)  # too old, or its writer died before it was complete
        if all(file.signal in queues for file in files):
            store.adopted[writer] = lock
            for signal, queue in queues.items():
                queue.adopt([file for file in files if file.signal == signal])
        else:
            lock.release()
            lock.close()


def let_go(store: Store) -> None:
    """Removes the locks of dead writers of which nothing is left; the limits' lock is held.

    Args:
        store: The folder.

    Raises:
        OSError: The folder cannot be read.
    """
    left = set(map(probable_writer, store.directory.names()))
    for writer in [writer for writer in store.adopted if writer not in left]:
        store.adopted.pop(writer).remove()
