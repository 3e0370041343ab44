# SPDX-License-Identifier: Apache-2.0
"""The files of a trail as they are at one moment, although writers go on."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from telemetry.audit.errors import AuditError
from telemetry.audit.files import archived_files, lock_path
from telemetry.audit.head import Head, HeadError, read_head

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from telemetry.audit.keys import KeyRing

__all__ = ["Snapshot", "open_file"]

_ATTEMPTS = 100
_FREE_ATTEMPTS = 10  # without keeping writers waiting
_PAUSE_S = 0.002


class Snapshot(NamedTuple):
    """What stands where.

    Files that were closed do not change any more, and the one that is written to is open: it stays
    readable when it is renamed.

    Attributes:
        archived: The files that were full, oldest first.
        live: The file that is written to; None when it is missing.
        head: Its head; None when it is missing; an error when it cannot be used.
    """

    archived: list[Path]
    live: BinaryIO | None
    head: Head | HeadError | None

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.close()

    @classmethod
    def take(cls, path: Path, keys: KeyRing) -> Snapshot:
        """Looks until nothing is renamed meanwhile.

        At first without a lock, so that nobody waits and what may only be read can be proven; where files
        are renamed all the time, writers wait for the moment that it takes.

        Raises:
            AuditError: There is no such trail.
            OSError: Something cannot be read.
        """
        for attempt in range(_ATTEMPTS):
            with _writers_waiting(path) if attempt >= _FREE_ATTEMPTS else nullcontext():
                head, archived = _live_head(path, keys), archived_files(path)
                live = open_file(path)
                is_one_moment = _generation(head) == _generation(_live_head(path, keys))
                if is_one_moment and archived == archived_files(path):
                    break
            if live is not None:
                live.close()
            time.sleep(_PAUSE_S)
        else:
            raise AuditError(
                f"{str(path)!r} rotates faster than it can be read; raise its max_bytes or max_age_s"
            )
        if live is None and head is None and not archived:
            raise AuditError(
                f"there is no audit trail {str(path)!r}; name the file that is written to, and its key is "
                "read from the "
                "environment"
            )
        return cls(archived, live, head)


def open_file(path: Path) -> BinaryIO | None:
    """Opens a file; None when it is missing.

    Raises:
        OSError: It cannot be read.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


@contextmanager
def _writers_waiting(path: Path) -> Iterator[None]:
    """Holds the writers' lock, shared with other readers; not where it cannot be had."""
    try:
        from fcntl import LOCK_SH, flock

        descriptor = os.open(lock_path(path), os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except (ImportError, OSError):
        yield
        return
    try:
        flock(descriptor, LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _live_head(path: Path, keys: KeyRing) -> Head | HeadError | None:
    try:
        return read_head(path, keys)
    except HeadError as error:
        return error


def _generation(head: Head | HeadError | None) -> object:
    """Tells heads of one file from those of the next; a head that a writer is moving on stays the same."""
    if isinstance(head, Head):
        return head.seq - head.rows, head.continues, head.closed_as
    return None if head is None else str(head)
