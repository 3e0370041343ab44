# SPDX-License-Identifier: Apache-2.0
"""Looking around in the folder: what dead processes left, and what somebody removed."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING

from telemetry.spool.locks import LOCK_SUFFIX
from telemetry.spool.room import TEMPORARY_SUFFIX
from telemetry.spool.stored import StoredFile, is_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
    known = [(queue, file) for queue in queues.values() for file in queue.files()]
    names = set(store.directory.names())
    for queue, file in known:
        # Asked once more: it may have been written while the folder was listed.
        if file.name not in names and not store.directory.has(file.name):
            queue.lost(file)
    if store.writer is not None and store.writer + LOCK_SUFFIX not in names:
        store.renew_lock()  # somebody removed it by hand: without it others would take us for dead
    unknown = {writer for writer in _writers(names) if writer != store.writer} - store.adopted.keys()
    if unknown or store.adopted:
        with store.limits.locked():  # nobody evicts a file between its being listed and its being taken over
            dead = _claim_dead(store, unknown)
            if dead:
                _adopt(store, dead, queues, is_expired)
            let_go(store)


def _writers(names: set[str]) -> set[str]:
    """Names everybody who left a file, a temporary file or a lock."""
    locks = {name.removesuffix(LOCK_SUFFIX) for name in names if name.endswith(LOCK_SUFFIX)}
    return {*filter(is_writer, locks), *_by_writer(names)}


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
    left = _by_writer(store.directory.names())
    for writer, lock in dead.items():
        files = []
        for name in left.get(writer, ()):
            file = StoredFile.parse(name)
            # A temporary file's writer died before it was complete.
            if file is None or (file.signal not in queues and is_expired(file)):
                store.directory.remove(name)
            else:
                files.append(file)
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
    left = _by_writer(store.directory.names())
    for writer in [writer for writer in store.adopted if writer not in left]:
        store.adopted.pop(writer).remove()


def _by_writer(names: Iterable[str]) -> dict[str, set[str]]:
    """Groups the names of files, temporary ones included."""
    found = defaultdict(set)
    for name in names:
        file = StoredFile.parse(name.removesuffix(TEMPORARY_SUFFIX))
        if file is not None:
            found[file.writer].add(name)
    return found
