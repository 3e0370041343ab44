# SPDX-License-Identifier: Apache-2.0
"""Lines of a log that may hold anything: of bounded length, parsed or explained, never raising."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_LINE_BYTES", "lines_of", "parse", "read_row"]

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is no row: it would be held in memory as a whole."""

_decode = json.JSONDecoder().decode


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Gives the lines of a file with their newline; of one that is too long, the beginning without one."""
    while line := file.readline(MAX_LINE_BYTES):
        yield line
        while not line.endswith(b"\n") and len(line) == MAX_LINE_BYTES:
            line = file.readline(MAX_LINE_BYTES)


def parse(line: bytes) -> dict[str, Any] | str:
    """Returns the row of a line, or in words why it is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        return f"is no JSON: {reason}"
    if not isinstance(row, dict):
        return f"is no JSON object but {type(row).__name__}"
    return row


def read_row(line: bytes) -> dict[str, Any] | str:
    """Returns the row of a line, or in words why it is none; as `parse`, faster."""
    try:
        row = _decode(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return parse(line)
    return row if row.__class__ is dict else parse(line)
