# SPDX-License-Identifier: Apache-2.0
"""Where a reader stands in a log, so that it can be found again after a restart, a rotation, a copy."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Final, NamedTuple

__all__ = ["MARK_BYTES", "Position", "first_row_hash", "is_at", "mark_of"]

MARK_BYTES: Final = 1024
_FIRST_ROW_BYTES: Final = 64 * 1024


class Position(NamedTuple):
    """A place in a file.

    Attributes:
        device: Device of the file.
        inode: Its number there; may be another file's later.
        first_row: Hash of its first row: what the file really is known by.
        offset: Bytes that were read.
        lines: Lines that were read.
        mark: Hash of the last bytes before the offset: whether they are still the ones that were read.
        mark_bytes: How many those are.
        name: Name of the file, for messages.
        modified_ns: When it was last written to.
    """

    device: int
    inode: int
    first_row: str
    offset: int
    lines: int
    mark: str
    mark_bytes: int
    name: str
    modified_ns: int


def mark_of(data: bytes) -> str:
    """Returns the hash of the last bytes before a place."""
    return sha256(data).hexdigest()


def first_row_hash(descriptor: int) -> str:
    """Returns the hash of a file's first row; empty while it has none."""
    start = os.pread(descriptor, _FIRST_ROW_BYTES, 0)
    row, newline, _ = start.partition(b"\n")
    return sha256(row).hexdigest() if newline or len(start) == _FIRST_ROW_BYTES else ""


def is_at(descriptor: int, position: Position) -> bool:
    """Whether the bytes before a place are those that were read there."""
    start = position.offset - position.mark_bytes
    data = os.pread(descriptor, position.mark_bytes, start) if start >= 0 else b""
    return len(data) == position.mark_bytes and mark_of(data) == position.mark
