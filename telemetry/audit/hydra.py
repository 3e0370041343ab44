# SPDX-License-Identifier: Apache-2.0
"""Logs of other writers, whose rows carry the hash of the one before and nothing else.

Hydra's rule: `prev_hash` is the base64 of HMAC-SHA256 over the sorted, compact JSON of the row before;
`GENESIS` in the first one. Rows of other writers, without `prev_hash`, may stand in between.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from telemetry.audit.canonical import canonical
from telemetry.audit.chain import GENESIS, HMAC, PREV_HASH, row_hash
from telemetry.audit.keys import KeyRing
from telemetry.audit.lines import lines_of, parse
from telemetry.audit.verdict import Verdict

__all__ = ["verify_chain"]

_UNSIGNED_END = (
    "the last row is not covered by a chain without a sealed head: that it was changed, or that rows "
    "after it were removed, cannot be seen"
)


def verify_chain(file: BinaryIO, name: str, keys: KeyRing) -> Verdict | None:
    """Proves a log as far as its chain goes; None when its rows are signed, for then a head is missing.

    Args:
        file: The log.
        name: Its name, for findings.
        keys: The key is the first one.
    """
    verdict = Verdict(files=1)
    key = keys.signing
    possible = {
        GENESIS
    }  # what the next chained row may refer to: the last chained row, or a foreign one since
    for number, line in enumerate(lines_of(file), 1):
        row = parse(line)
        if isinstance(row, str):
            if line.strip():
                verdict.find(name, number, row)
            continue
        if HMAC in row and PREV_HASH in row:
            return None
        text = _canonical(row)
        if text is None:
            verdict.find(name, number, "has no canonical text")
            continue
        hashed = row_hash(text, key)
        if PREV_HASH not in row:
            verdict.foreign += 1
            possible.add(hashed)
            continue
        if row[PREV_HASH] in possible:
            verdict.rows += 1
        else:
            verdict.find(name, number, "does not fit the row before it, which was changed, removed or moved")
        possible = {hashed}
    if verdict.rows:
        verdict.note(name, 0, _UNSIGNED_END)
    return verdict


def _canonical(row: dict[str, Any]) -> bytes | None:
    try:
        return canonical(row)
    except (ValueError, TypeError, RecursionError):
        return None
