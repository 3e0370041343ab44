# SPDX-License-Identifier: Apache-2.0
"""Which file comes after which, whoever rotates them: our writer, or logrotate and its likes."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from telemetry.audit.files import archived_files
from telemetry.audit.reading.log_files import Identity, identity_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["all_files", "settled_files"]

_ATTEMPTS: Final = 20
_PAUSE_S: Final = 0.002


def all_files(live: Path) -> list[Path]:
    """Returns the files of a log as they stand beside it, oldest first, the live one last.

    Known names: those of our writer, `<name>.1` (the higher the number, the older) and `<name>-<date>`.
    """
    dated, numbered = [], []
    pattern = re.compile(rf"{re.escape(live.name)}(?:\.(?P<number>\d{{1,6}})|[-.](?P<date>\d{{8}}[\d\-T]*))")
    try:
        found = [(path, pattern.fullmatch(path.name)) for path in live.parent.iterdir()]
    except OSError:
        found = []
    for path, match in found:
        if match is None:
            continue
        if match["number"]:
            numbered.append((-int(match["number"]), path))
        else:
            dated.append((match["date"], path))
    foreign = [path for _, path in sorted(dated)] + [path for _, path in sorted(numbered)]
    return [*foreign, *archived_files(live), live]


def settled_files(live: Path) -> list[tuple[Path, Identity]]:
    """Returns the files with their identities, as they were at one moment.

    Files may be renamed while they are listed, so that one is seen twice or not at all. Two listings that
    are the same had no renaming between them.
    """
    before = _listed(live)
    for _ in range(_ATTEMPTS):
        now = _listed(live)
        if now == before:
            break
        before = now
        time.sleep(_PAUSE_S)
    return before


def _listed(live: Path) -> list[tuple[Path, Identity]]:
    listed = []
    for path in all_files(live):
        try:
            listed.append((path, identity_of(path.stat())))
        except OSError:  # gone in between, or only its head is left
            continue
    return listed
