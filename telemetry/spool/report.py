# SPDX-License-Identifier: Apache-2.0
"""What waits in a spool, written for people and for programs."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from telemetry.spool.survey import ExporterSpool

__all__ = ["age", "as_facts", "as_lines", "size"]

_NS_PER_S = 1_000_000_000
_HEAD = ("EXPORTER", "SIGNAL", "STATE", "REQUESTS", "RECORDS", "SIZE", "OLDEST", "WRITERS", "ERROR")
_NUMBERS = frozenset({"REQUESTS", "RECORDS", "SIZE", "OLDEST"})


def as_facts(
    spool_dir: Path, spools: list[ExporterSpool], now_ns: Callable[[], int] = time_ns
) -> dict[str, Any]:
    """Returns everything as plain values, for JSON; ages in seconds.

    Args:
        spool_dir: Where it is.
        spools: What is there.
        now_ns: The wall clock.
    """
    exporters = []
    for spool in spools:
        waiting = []
        for row in spool.waiting:
            facts = row._asdict()
            facts["oldest_age_s"] = round(max(0, now_ns() - facts.pop("oldest_ns")) / _NS_PER_S, 3)
            waiting.append(facts)
        exporters.append(
            {
                "exporter": spool.exporter,
                "waiting": waiting,
                "dead_letters": [row._asdict() for row in spool.dead_letters],
                "corrupt": {"files": spool.corrupt_files, "bytes": spool.corrupt_bytes},
            }
        )
    return {"spool_dir": str(spool_dir), "exporters": exporters}


def as_lines(spools: list[ExporterSpool], now_ns: Callable[[], int] = time_ns) -> list[str]:
    """Returns a table; empty when there is no spool.

    Args:
        spools: What is there.
        now_ns: The wall clock.
    """
    if not spools:
        return []
    rows = [_HEAD, *(row for spool in spools for row in _rows(spool, now_ns()))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return ["  ".join(_cell(*cell) for cell in zip(_HEAD, row, widths, strict=True)).rstrip() for row in rows]


def age(nanoseconds: int) -> str:
    """Writes a duration in its largest unit: `12s`, `3m`, `5h`, `2d`."""
    seconds = max(0, nanoseconds) // _NS_PER_S
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def size(count: int) -> str:
    """Writes a number of bytes: `312 B`, `4.1 KiB`, `2.0 MiB`."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MiB"


def _rows(spool: ExporterSpool, now: int) -> Iterator[tuple[str, ...]]:
    name = spool.exporter
    is_empty = True
    for row in spool.waiting:
        is_empty = False
        writers = f"{row.writers_alive} alive, {row.writers_gone} gone"
        oldest = age(now - row.oldest_ns)
        yield (
            name,
            row.signal,
            "waiting",
            str(row.requests),
            str(row.records),
            size(row.bytes),
            oldest,
            writers,
            "",
        )
    for letter in spool.dead_letters:
        is_empty = False
        state, error = f"dead letter ({letter.reason})", _one_line(letter.last_error)
        yield (
            name,
            letter.signal,
            state,
            str(letter.requests),
            str(letter.records),
            size(letter.bytes),
            "",
            "",
            error,
        )
    if spool.corrupt_files:
        is_empty = False
        yield (name, "", "damaged", str(spool.corrupt_files), "", size(spool.corrupt_bytes), "", "", "")
    if is_empty:
        yield (name, "", "empty", "", "", "", "", "", "")


def _one_line(text: str) -> str:
    """A receiver's words on one line of a terminal, whatever is in them."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]


def _cell(head: str, text: str, width: int) -> str:
    return text.rjust(width) if head in _NUMBERS else text.ljust(width)
