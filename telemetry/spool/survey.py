# SPDX-License-Identifier: Apache-2.0
"""What waits in the spools of all exporters, looked at from outside without changing anything."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from telemetry.config.exporters import SIGNALS
from telemetry.spool.descriptors import Descriptors
from telemetry.spool.directory import Directory
from telemetry.spool.limits import LIMITS_LOCK
from telemetry.spool.locks import LOCK_SUFFIX, is_held
from telemetry.spool.side_folder import CORRUPT, DEAD_LETTERS, SideFolder
from telemetry.spool.stored import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry.config.exporters import Signal

__all__ = ["DeadLetters", "ExporterSpool", "WaitingRequests", "left_records", "survey", "visit"]


class WaitingRequests(NamedTuple):
    """Requests of one signal that wait.

    Attributes:
        signal: Whose records.
        requests: Number of requests.
        records: Records in them.
        bytes: Size of their files.
        oldest_ns: When the oldest was made (Unix nanoseconds).
        writers_alive: Processes that wrote them and still run, or that took over from others.
        writers_gone: Processes that wrote them and are gone.
    """

    signal: Signal
    requests: int
    records: int
    bytes: int
    oldest_ns: int
    writers_alive: int
    writers_gone: int


class DeadLetters(NamedTuple):
    """Requests of one signal that were given up for one reason and are kept for people.

    Attributes:
        signal: Whose records.
        reason: Why, as in `kairos.telemetry.dropped`.
        requests: Number of requests.
        records: Records in them.
        bytes: Size of their files.
        last_error: What was said about the last one.
    """

    signal: Signal
    reason: str
    requests: int
    records: int
    bytes: int
    last_error: str


class ExporterSpool(NamedTuple):
    """What the folder of one exporter holds.

    Attributes:
        exporter: Its name.
        waiting: What waits, by signal.
        dead_letters: What was given up, by signal and reason.
        corrupt_files: Damaged files that were set aside.
        corrupt_bytes: Their size.
    """

    exporter: str
    waiting: list[WaitingRequests]
    dead_letters: list[DeadLetters]
    corrupt_files: int
    corrupt_bytes: int


def survey(spool_dir: Path) -> list[ExporterSpool]:
    """Looks at a spool directory.

    Args:
        spool_dir: The setting `spool_dir`; one that does not exist is empty.

    Returns:
        One entry for each exporter that has a folder there.

    Raises:
        OSError: It cannot be read.
    """
    try:
        folders = sorted(filter(_is_spool, spool_dir.iterdir()))
    except FileNotFoundError:
        return []
    return [_look_into(folder) for folder in folders]


def left_records(folder: Path) -> tuple[int, int]:
    """Counts the records that wait in the folder of one exporter.

    Returns:
        Those of processes that run, and those of processes that are gone.

    Raises:
        OSError: It cannot be read.
    """
    counts = [0, 0]
    with visit(folder) as (directory, _letters, _corrupt):
        for file in map(StoredFile.parse, directory.names()):
            if file is not None:
                counts[not _is_alive(directory, file.writer)] += file.records
    return counts[0], counts[1]


@contextmanager
def visit(folder: Path) -> Iterator[tuple[Directory, SideFolder, SideFolder]]:
    """Opens the folder of one exporter, its dead letters and its damaged files to look at them.

    Raises:
        OSError: It cannot be opened.
    """
    descriptors = Descriptors()
    try:
        directory = Directory(folder, descriptors, is_visit=True)
        yield directory, SideFolder(directory, DEAD_LETTERS), SideFolder(directory, CORRUPT)
    finally:
        descriptors.close_all()


def _is_spool(folder: Path) -> bool:
    """Whether exporters keep something there: a spool directory may be shared with other things."""
    return not folder.is_symlink() and folder.is_dir() and (folder / LIMITS_LOCK).is_file()


def _look_into(folder: Path) -> ExporterSpool:
    with visit(folder) as (directory, letters, corrupt):
        found = map(StoredFile.parse, directory.names())
        files = sorted(file for file in found if file is not None)
        damaged = corrupt.entries()
        return ExporterSpool(
            folder.name,
            list(_by_signal(files, directory)),
            _by_reason(letters),
            len(damaged),
            sum(entry.size for entry in damaged),
        )


def _by_signal(files: list[StoredFile], directory: Directory) -> Iterator[WaitingRequests]:
    is_alive = {writer: _is_alive(directory, writer) for writer in {file.writer for file in files}}
    for signal in SIGNALS:
        own = [file for file in files if file.signal == signal]
        if own:
            writers = {file.writer for file in own}
            alive = sum(is_alive[writer] for writer in writers)
            records, size = sum(file.records for file in own), sum(file.size for file in own)
            yield WaitingRequests(
                signal, len(own), records, size, own[0].time_ns, alive, len(writers) - alive
            )


def _is_alive(directory: Directory, writer: str) -> bool:
    try:
        return is_held(directory, writer + LOCK_SUFFIX)
    except (OSError, ImportError):  # no permission, or a platform without flock: then nobody writes here
        return os.name == "posix"


def _by_reason(letters: SideFolder) -> list[DeadLetters]:
    found: dict[tuple[Signal, str], DeadLetters] = {}
    for entry in letters.entries():
        note = letters.read_note(entry.file)
        key = entry.file.signal, str(note.get("reason", "unknown"))
        last = found.get(key, DeadLetters(*key, 0, 0, 0, ""))
        found[key] = last._replace(
            requests=last.requests + 1,
            records=last.records + entry.file.records,
            bytes=last.bytes + entry.size,
            last_error=str(note.get("error", "")),
        )
    return [found[key] for key in sorted(found)]
