# SPDX-License-Identifier: Apache-2.0
"""Which files wait for one signal, in their order, without looking at the disk."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from telemetry.spool.queue import EMPTY, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry.spool.stored import StoredFile

__all__ = ["Index"]


class Index:
    """Files in the order in which they are to be sent. Not thread-safe: the spool's lock guards it.

    Attributes:
        waiting: How much is in it.
    """

    def __init__(self) -> None:
        # Not a dict: finding its first key takes longer and longer while keys go at the front.
        self._files: OrderedDict[StoredFile, None] = OrderedDict()
        self.waiting = EMPTY

    def __contains__(self, file: StoredFile) -> bool:
        return file in self._files

    def append(self, file: StoredFile) -> None:
        """Adds a file that is newer than all others."""
        self._files[file] = None
        self._count(1, file)

    def merge(self, files: Iterable[StoredFile]) -> None:
        """Adds files of another writer; the oldest of all comes first."""
        new = [file for file in files if file not in self._files]
        self._files = OrderedDict.fromkeys(sorted([*self._files, *new]))
        for file in new:
            self._count(1, file)

    def discard(self, file: StoredFile) -> bool:
        """Removes a file; False when it is not here."""
        if file not in self._files:
            return False
        del self._files[file]
        self._count(-1, file)
        return True

    def first(self) -> StoredFile | None:
        """Returns the file whose turn it is."""
        return next(iter(self._files), None)

    def files(self) -> list[StoredFile]:
        """Returns all files."""
        return list(self._files)

    def _count(self, sign: int, file: StoredFile) -> None:
        requests, records, size = self.waiting
        self.waiting = Waiting(requests + sign, records + sign * file.records, size + sign * file.size)
