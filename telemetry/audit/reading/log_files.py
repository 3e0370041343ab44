# SPDX-License-Identifier: Apache-2.0
"""Files of logs, read block by block: complete lines only, however the file is written meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from telemetry.audit.lines import MAX_LINE_BYTES
from telemetry.audit.reading.positions import MARK_BYTES, Position, first_row_hash, is_at, mark_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Chunk", "Identity", "LogFile", "TruncatedError", "identity_of"]

_BLOCK_BYTES: Final = 256 * 1024
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

Identity = tuple[int, int]
"""Device and inode."""


class TruncatedError(Exception):
    """A file no longer has the bytes that were read from it."""


class Chunk(NamedTuple):
    """Lines that follow each other in one file.

    Attributes:
        lines: The lines, without their newlines.
        start: Offset of the first one.
        number: Number of the first one, from 1.
        file: Where they come from; None where there is no place to go back to.
        name: What the file is called.
        size: Bytes that they take.
        problem: Why the line is none that could be read; empty for usual lines.
    """

    lines: list[bytes]
    start: int
    number: int
    file: LogFile | None
    name: str
    size: int
    problem: str = ""


def identity_of(status: os.stat_result) -> Identity:
    """Returns what a file is known by while it exists."""
    return status.st_dev, status.st_ino


class LogFile:
    """A regular file, from a place on. It is held open: a name may change hands while it is read.

    Args:
        path: The file.
        position: Where to begin; None: at its start.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path, position: Position | None = None) -> None:
        self.name = path.name
        self._descriptor = os.open(path, _FLAGS)
        self.identity = identity_of(os.fstat(self._descriptor))
        self.offset = position.offset if position is not None else 0
        self.lines = position.lines if position is not None else 0
        self._mark = b""
        if position is not None:
            self._mark = os.pread(self._descriptor, position.mark_bytes, self.offset - position.mark_bytes)
        self._first_row = position.first_row if position is not None else ""
        self._scanned = 0  # bytes behind the offset that are known to hold no newline

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def read(self) -> Chunk | None:
        """Returns the next complete lines; None when there is none now.

        Raises:
            TruncatedError: What was read before is not there any more.
            OSError: It cannot be read.
        """
        if self._scanned:
            return self._read_long()
        data = os.pread(self._descriptor, _BLOCK_BYTES, self.offset)
        if not data:
            if self.offset and os.fstat(self._descriptor).st_size < self.offset:
                raise TruncatedError
            return None
        end = data.rfind(b"\n")
        if end < 0 and len(data) == _BLOCK_BYTES:
            return self._read_long()
        self._check()  # after reading: what is cut off in between shows
        if end < 0:
            return None
        lines = data[:end].split(b"\n")
        return self._took(lines, end + 1, lines[-1] + b"\n")

    def rest(self) -> bytes:
        """Returns the begin of a line that has no end yet."""
        return os.pread(self._descriptor, MAX_LINE_BYTES, self.offset)

    def take_rest(self, line: bytes) -> Chunk:
        """Counts a line without an end as read."""
        chunk = self._took([line], len(line), line)
        self.lines -= 1  # its newline may come yet
        return chunk

    def position(self, offset: int, lines: int, mark: bytes) -> Position:
        """Returns a place in this file.

        Args:
            offset: Bytes up to there.
            lines: Lines up to there.
            mark: What stands before it.
        """
        mark = mark[-MARK_BYTES:]
        modified_ns = os.fstat(self._descriptor).st_mtime_ns
        return Position(
            *self.identity, self._first_row, offset, lines, mark_of(mark), len(mark), self.name, modified_ns
        )

    def here(self) -> Position:
        """Returns the place up to which this file was read."""
        return self.position(self.offset, self.lines, self._mark)

    def holds(self, position: Position) -> bool:
        """Whether this file has the row that was read before a place."""
        return first_row_hash(self._descriptor) == position.first_row and is_at(self._descriptor, position)

    def _read_long(self) -> Chunk | None:
        """Goes on to the end of a line that is longer than a block."""
        while True:
            data = os.pread(self._descriptor, _BLOCK_BYTES, self.offset + self._scanned)
            end = data.find(b"\n")
            if end >= 0:
                break
            if len(data) < _BLOCK_BYTES:  # half a line: it may be cut and written anew, so nothing is kept
                self._scanned = 0 if self._scanned < MAX_LINE_BYTES else self._scanned
                self._check()
                return None
            self._scanned += len(data)
        size = self._scanned + end + 1
        self._scanned = 0
        self._check()
        if size > MAX_LINE_BYTES:
            mark = os.pread(self._descriptor, MARK_BYTES, self.offset + size - MARK_BYTES)
            chunk = self._took([b""], size, mark)
            return chunk._replace(problem=f"is longer than {MAX_LINE_BYTES} bytes, so it is no row")
        line = os.pread(self._descriptor, size, self.offset)
        return self._took([line[:-1]], size, line)

    def _took(self, lines: list[bytes], size: int, mark: bytes) -> Chunk:
        if not self._first_row:
            self._first_row = first_row_hash(self._descriptor)
        chunk = Chunk(lines, self.offset, self.lines + 1, self, self.name, size)
        self.offset += size
        self.lines += len(lines)
        self._mark = mark[-MARK_BYTES:]
        return chunk

    def _check(self) -> None:
        before = (
            os.pread(self._descriptor, len(self._mark), self.offset - len(self._mark)) if self._mark else b""
        )
        if before != self._mark:
            raise TruncatedError
