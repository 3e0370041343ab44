# SPDX-License-Identifier: Apache-2.0
"""Folders beside the queue for what is not sent any more: dead letters, and damaged files."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.spool.stored import DamagedError, StoredFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.spool.directory import Directory

__all__ = ["CORRUPT", "DEAD_LETTERS", "NOTE_SUFFIX", "Entry", "SideFolder"]

DEAD_LETTERS = "dead-letters"
CORRUPT = "corrupt"
NOTE_SUFFIX = ".json"
_LONGEST_NOTE = 65536


class Entry(NamedTuple):
    """A file that was put aside, with its note if it has one; they go together.

    Attributes:
        file: The file, by its name.
        size: Bytes of both.
        has_note: Whether there is a note.
    """

    file: StoredFile
    size: int
    has_note: bool

    @property
    def names(self) -> list[str]:
        """The names of its files, the note first: without one, the other is just a damaged file."""
        return [self.file.name + NOTE_SUFFIX, self.file.name] if self.has_note else [self.file.name]


class SideFolder:
    """A bounded folder; the oldest entries go first.

    Methods raise OSError where the system does. Writers hold the lock of the spool's limits.

    Args:
        parent: The folder in which it is, or will be: it is made when something is put aside.
        name: Its name there.
        max_files: Entries that it may hold.
        max_bytes: Bytes that it may hold.
    """

    def __init__(self, parent: Directory, name: str, *, max_files: int = 0, max_bytes: int = 0) -> None:
        self._parent = parent
        self._name = name
        self._max_files = max_files
        self.max_bytes = max_bytes
        self._folder: Directory | None = None

    @property
    def folder(self) -> Directory:
        """The folder, made when it is missing."""
        if self._folder is None or not self._folder.is_in_place():
            if self._folder is not None:
                self._folder.close()
            self._folder = self._parent.subfolder(self._name)
        return self._folder

    def entries(self) -> list[Entry]:
        """Lists what is in it, the oldest first."""
        if not self._parent.has(self._name):
            return []
        names = set(self.folder.names())
        found = []
        for name in sorted(names):
            file = StoredFile.parse(name.removesuffix(NOTE_SUFFIX))
            has_note = name + NOTE_SUFFIX in names
            # A note alone is what a process that was killed between the two left.
            if file is None or (name != file.name and file.name in names):
                continue
            with contextlib.suppress(FileNotFoundError):
                size = self.folder.status(name).st_size
                size += self.folder.status(name + NOTE_SUFFIX).st_size if has_note else 0
                found.append(Entry(file, size, has_note or name != file.name))
        return found

    def take(self, file: StoredFile, source: Directory) -> None:
        """Moves a file here; the oldest ones go."""
        source.move(file.name, file.name, self.folder)
        self._trim()

    def add(self, file: StoredFile, data: bytes) -> None:
        """Writes a file that was in no folder; the oldest ones go."""
        self.folder.write(file.name, data)
        self._trim()

    def note(self, file: StoredFile, facts: bytes) -> None:
        """Writes the note of a file that comes next."""
        self.folder.write(file.name + NOTE_SUFFIX, facts)

    def read_note(self, file: StoredFile) -> Mapping[str, Any]:
        """Returns the note of a file; empty where there is none that can be read."""
        name = file.name + NOTE_SUFFIX
        try:
            size = self.folder.status(name).st_size
            facts = json.loads(self.folder.read(name, size)) if size <= _LONGEST_NOTE else {}
        except (OSError, ValueError, RecursionError, DamagedError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def discard(self, entry: Entry) -> bool:
        """Removes an entry; False when it was gone already."""
        return [self.folder.remove(name) for name in entry.names][-1]

    def close(self) -> None:
        """Lets go of the folder."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def _trim(self) -> None:
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        for number, entry in enumerate(entries):
            if len(entries) - number <= self._max_files and total <= self.max_bytes:
                return
            self.discard(entry)
            total -= entry.size
