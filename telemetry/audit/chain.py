# SPDX-License-Identifier: Apache-2.0
"""How rows hang together: each carries the hash of the one before and, in our own trails, its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.audit.canonical import canonical

if TYPE_CHECKING:
    from telemetry.audit.keys import Key

__all__ = ["GENESIS", "HMAC", "KEY_ID", "PREV_HASH", "SEQ", "TRAIL_ID", "is_sealed", "link", "row_hash"]

GENESIS = "GENESIS"
"""`prev_hash` of the first row of a trail."""
PREV_HASH = "prev_hash"
HMAC = "hmac"
KEY_ID = "key_id"
SEQ = "seq"
TRAIL_ID = "trail_id"
"""In the first row of a trail: so that no two trails of one key have a row in common."""


def row_hash(line: bytes, key: Key) -> str:
    """Returns what the next row has as `prev_hash`: base64 of the HMAC-SHA256 of a row's canonical text."""
    return key.sign(line)


def is_sealed(row: dict[str, Any], key: Key) -> bool:
    """Tells whether a key made the `hmac` of a row, which is over all its other members."""
    try:
        unsigned = canonical({name: value for name, value in row.items() if name != HMAC})
    except (ValueError, TypeError, RecursionError):
        return False
    return key.proves(unsigned, row.get(HMAC))


def link(row: dict[str, Any], prev_hash: str, seq: int, key: Key) -> bytes:
    """Gives a new row its place in the trail and returns its canonical text.

    Raises:
        ValueError: The row has no canonical text.
        TypeError: Likewise.
    """
    linked = {**row, PREV_HASH: prev_hash, SEQ: seq, KEY_ID: key.key_id}
    linked[HMAC] = key.sign(canonical(linked))
    return canonical(linked)
