# SPDX-License-Identifier: Apache-2.0
"""What was named on the command line: logs, closed files of logs, pipes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.audit.errors import AuditError
from telemetry.audit.files import archived_files
from telemetry.audit.reading.pipes import chunks_of_pipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry.audit.reading.follow import Log
    from telemetry.audit.reading.log_files import Chunk
    from telemetry.audit.reading.stopping import Stop

__all__ = ["distinct", "is_pipe", "pipe_chunks", "whole"]

_STDIN = ("-", "/dev/stdin")


def distinct(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Returns the logs to read; closed files of a log that is named itself are read with it.

    Raises:
        AuditError: None is named.
    """
    named = list(dict.fromkeys(Path(path) for path in paths))
    if not named:
        raise AuditError("no audit log is named; name at least one")
    absolute = {path: path if str(path) in _STDIN else path.absolute() for path in named}
    covered = {closed for path in absolute.values() for closed in archived_files(path)}
    return [absolute[path] for path in named if absolute[path] not in covered]


def is_pipe(path: Path) -> bool:
    """Whether a log is standard input or comes through a pipe, so that it is read once.

    Raises:
        AuditError: It is a directory.
    """
    if str(path) in _STDIN:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if stat.S_ISDIR(mode):
        raise AuditError(f"{str(path)!r} is a directory; name the log file in it")
    return not stat.S_ISREG(mode)


def pipe_chunks(path: Path, stop: Stop) -> Iterator[Chunk | None]:
    """Reads a pipe to its end.

    Raises:
        AuditError: It cannot be opened.
    """
    name = str(path)
    try:
        descriptor = os.dup(0) if name in _STDIN else os.open(path, os.O_RDONLY)
    except OSError as error:
        raise AuditError(f"{name!r} cannot be read: {error.strerror}") from error
    try:
        yield from chunks_of_pipe(descriptor, name, stop)
    finally:
        os.close(descriptor)


def whole(log: Log, path: Path, stop: Stop, *, is_seen: bool) -> Iterator[Chunk]:
    """Reads a log to its end, the last line too where it lacks nothing but its newline.

    Args:
        log: The log.
        path: Its name.
        stop: Ends it early.
        is_seen: Whether an earlier run has read from it, so that it may be gone by now.

    Raises:
        AuditError: There is no such log.
    """
    if not log.exists and not is_seen:
        raise AuditError(f"there is no audit log {str(path)!r}; to wait for it, use --follow")
    yield from log.available(stop)
    if not stop.is_set():
        last = log.unfinished()
        if last is not None:
            yield last
