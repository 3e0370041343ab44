# SPDX-License-Identifier: Apache-2.0
"""The files of a trail: the one that is written to, and those that were full, in their order."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["archived_files", "archived_name", "lock_path", "trail_files"]


def archived_name(live: Path, now_ns: int, first_seq: int) -> str:
    """Returns the name of a file that is full: when that was (UTC), and the number of its first row."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_ns // 1_000_000_000))
    return f"{live.stem}-{stamp}-{first_seq:012d}{live.suffix}"


def archived_files(live: Path) -> list[Path]:
    """Returns the files of a trail that were full, oldest first; also where only their head is left.

    Raises:
        OSError: The directory cannot be read: what is in it must not be taken for nothing.
    """
    pattern = re.compile(
        rf"(?P<name>{re.escape(live.stem)}-\d{{8}}T\d{{6}}Z-(?P<seq>\d{{12,}}){re.escape(live.suffix)})(?:\.seal)?"
    )
    found: dict[str, int] = {}
    try:
        names = [path.name for path in live.parent.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    for name in names:
        match = pattern.fullmatch(name)
        if match:
            found[match["name"]] = int(match["seq"])
    return [live.with_name(name) for name in sorted(found, key=lambda name: (found[name], name))]


def lock_path(live: Path) -> Path:
    """Returns the file whose lock holds the writers of a trail apart."""
    return live.with_name(live.name + ".lock")


def trail_files(live: Path) -> list[Path]:
    """Returns all files of a trail in their order, the live one last."""
    return [*archived_files(live), live]
