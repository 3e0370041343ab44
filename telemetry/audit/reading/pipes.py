# SPDX-License-Identifier: Apache-2.0
"""Logs that come through a pipe: nothing can be read twice, and nobody knows whether more will come."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Final

from telemetry.audit.lines import MAX_LINE_BYTES
from telemetry.audit.reading.log_files import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.audit.reading.stopping import Stop

__all__ = ["chunks_of_pipe"]

_BLOCK_BYTES: Final = 256 * 1024
_PATIENCE_S: Final = 0.05


def chunks_of_pipe(descriptor: int, name: str, stop: Stop) -> Iterator[Chunk | None]:
    """Gives what comes through a pipe until its end; None when nothing comes for a moment."""
    parts: list[bytes] = []  # of a line without an end
    held = offset = 0
    number = 1
    while not stop.is_set():
        if not select.select([descriptor], [], [], _PATIENCE_S)[0]:
            yield None
            continue
        data = os.read(descriptor, _BLOCK_BYTES)
        end = data.rfind(b"\n")
        if data and end < 0:
            held += len(data)
            if held <= MAX_LINE_BYTES:
                parts.append(data)
            continue
        *lines, rest = data.split(b"\n")
        size = held + (len(lines[0]) + 1 if lines else 0)
        if held and size > MAX_LINE_BYTES:
            problem = f"is longer than {MAX_LINE_BYTES} bytes, so it is no row"
            yield Chunk([b""], offset, number, None, name, size, problem)
            offset, number, lines = offset + size, number + 1, lines[1:]
        elif lines:
            lines[0] = b"".join([*parts, lines[0]])
        elif held:  # the end of the pipe
            lines = [b"".join(parts)]
        if lines:
            size = sum(map(len, lines)) + len(lines)
            yield Chunk(lines, offset, number, None, name, size)
            offset += size
            number += len(lines)
        if not data:
            return
        parts, held = ([rest] if rest else []), len(rest)
