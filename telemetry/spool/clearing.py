# SPDX-License-Identifier: Apache-2.0
"""Throwing away what waits, because somebody said so."""

from __future__ import annotations

from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

from telemetry.spool.stored import StoredFile
from telemetry.spool.survey import visit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry.config.exporters import Signal

__all__ = ["Choice", "Cleared", "clear"]

_NS_PER_S = 1_000_000_000


class Choice(NamedTuple):
    """What is to go.

    Attributes:
        has_dead_letters: Dead letters and damaged files instead of what waits.
        signal: Only that one's; None for all.
        older_than_s: Only what is older than that.
    """

    has_dead_letters: bool = False
    signal: Signal | None = None
    older_than_s: float = 0.0

    def includes(self, file: StoredFile, now_ns: int) -> bool:
        """Whether a file is to go."""
        is_meant = self.signal is None or file.signal == self.signal
        return is_meant and (not self.older_than_s or now_ns - file.time_ns > self.older_than_s * _NS_PER_S)


class Cleared(NamedTuple):
    """What went, or would go.

    Attributes:
        requests: Number of requests.
        records: Records in them.
    """

    requests: int
    records: int


def clear(
    folder: Path, choice: Choice, *, is_rehearsal: bool, now_ns: Callable[[], int] = time_ns
) -> Cleared:
    """Removes files of one exporter. A process that still runs books its own as `spool_removed`.

    Args:
        folder: The exporter's folder.
        choice: What is to go.
        is_rehearsal: Only count.
        now_ns: The wall clock.

    Raises:
        OSError: The folder cannot be read, or a file cannot be removed.
    """
    requests = records = 0
    with visit(folder) as (directory, letters, corrupt):
        found: list[tuple[StoredFile, Callable[[], bool]]] = []
        if choice.has_dead_letters:
            for side in (letters, corrupt):
                found += [(entry.file, partial(side.discard, entry)) for entry in side.entries()]
        else:
            files = [file for file in map(StoredFile.parse, directory.names()) if file is not None]
            found += [(file, partial(directory.remove, file.name)) for file in files]
        for file, remove in found:
            if choice.includes(file, now_ns()) and (is_rehearsal or remove()):
                requests, records = requests + 1, records + file.records
    return Cleared(requests, records)
