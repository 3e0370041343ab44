# SPDX-License-Identifier: Apache-2.0
"""Making room in a full folder: what goes, and in which order."""

from __future__ import annotations

from heapq import heapify, heappop
from typing import TYPE_CHECKING

from telemetry.spool.limits import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry.spool.catalog import Catalog
    from telemetry.spool.directory import Directory
    from telemetry.spool.limits import Limits
    from telemetry.spool.side_folder import SideFolder
    from telemetry.spool.stored import StoredFile

__all__ = ["make_room"]


def make_room(
    size: int,
    directory: Directory,
    catalog: Catalog,
    limits: Limits,
    side_folders: Iterable[SideFolder],
    surrender: Callable[[StoredFile], bool],
) -> bool:
    """Makes room for one file: what was put aside goes first, then the oldest waiting requests.

    The caller holds the lock of the limits, so nobody adds meanwhile.

    Args:
        size: Bytes of the file.
        directory: The folder.
        catalog: Reads its listing.
        limits: Its limits.
        side_folders: What counts as well and goes first.
        surrender: Asked before a waiting request goes; False when it has to stay.

    Returns:
        False when it does not fit whatever goes.

    Raises:
        OSError: Something could not be removed.
    """
    most = limits.most
    if size > most.bytes:
        return False
    if limits.has_room(size):
        return True
    waiting, files, total = catalog.read(directory.names())
    entries = [(side, entry) for side in side_folders for entry in side.entries()]
    files += sum(len(entry.names) for _, entry in entries)
    total += sum(entry.size for _, entry in entries)
    for side, entry in entries:
        if files < most.files and total + size <= most.bytes:
            break
        side.discard(entry)
        files, total = files - len(entry.names), total - entry.size
    heapify(waiting)  # mostly one goes: no need to sort them all
    while waiting and not (files < most.files and total + size <= most.bytes):
        file = heappop(waiting)
        if surrender(file):
            directory.remove(file.name)
            files, total = files - 1, total - file.size
    limits.saw(Usage(files, total))
    return files < most.files and total + size <= most.bytes
