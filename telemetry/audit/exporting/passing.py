# SPDX-License-Identifier: Apache-2.0
"""Rows verified while they pass: each against its own signature and the row before it.

That nothing is missing at the end, only `audit verify` can say: it reads the sealed heads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.audit.canonical import canonical
from telemetry.audit.chain import GENESIS, HMAC, KEY_ID, PREV_HASH, SEQ, is_sealed, row_hash

if TYPE_CHECKING:
    from telemetry.audit.keys import KeyRing

__all__ = ["PassingProof"]


class PassingProof:
    """Follows the chain of one log.

    Args:
        keys: The keys that rows were signed with.
        state: What `state` gave in an earlier run.
    """

    def __init__(self, keys: KeyRing, state: dict[str, Any] | None = None) -> None:
        state = state or {}
        self._keys = keys
        self._is_signed = bool(state.get("is_signed"))
        self._seq: int | None = state.get("seq")
        # Hashes of the row that the next one may refer to, one for each key; None: unknown, so it may be any.
        self._hashes: list[str] | None = state.get("hashes")
        # Likewise of the row of another writer right before it, which may be taken for the last one.
        self._foreign: list[str] = list(state.get("foreign") or [])

    @property
    def state(self) -> dict[str, Any]:
        """What a later run needs to go on."""
        return {
            "is_signed": self._is_signed,
            "seq": self._seq,
            "hashes": self._hashes,
            "foreign": self._foreign,
        }

    def skip(self) -> None:
        """Passes over a line that is no row."""
        if self._is_signed:
            self._seq = self._hashes = None

    def check(self, line: bytes, row: dict[str, Any]) -> tuple[bool | None, str]:
        """Returns whether a row is proven (None: neither yes nor no), and what is wrong with it."""
        if HMAC in row and KEY_ID in row:
            return self._check_signed(line, row)
        if self._is_signed:
            self._seq = self._hashes = None
            return False, "is not signed: it was not written by this trail's writer"
        text = _canonical(row)
        if text is None:
            return False, "has no canonical text"
        hashes = [row_hash(text, key) for key in self._keys]  # rows do not say which key it was
        if PREV_HASH not in row:
            self._foreign = hashes
            return None, ""
        before, foreign, claimed = self._hashes, self._foreign, row[PREV_HASH]
        self._hashes, self._foreign = hashes, []
        if (before is None and claimed == GENESIS) or (before and claimed in before) or claimed in foreign:
            return True, ""
        if before is None:
            return None, ""
        return False, "does not fit the row before it, which was changed, removed or moved"

    def _check_signed(self, line: bytes, row: dict[str, Any]) -> tuple[bool, str]:
        hashes, seq = self._hashes, self._seq
        self._is_signed, self._hashes, self._seq = True, None, None
        key = self._keys.find(row[KEY_ID])
        if key is None:
            return False, f"was signed with key {row[KEY_ID]!r}, which is not among the given ones"
        if not is_sealed(row, key) or line != canonical(row):
            return False, "was changed: its hmac does not fit"
        if row.get(SEQ).__class__ is not int or row.get(PREV_HASH).__class__ is not str:
            return False, "is signed, but no row of a trail"
        self._hashes, self._seq = [row_hash(line, key)], row[SEQ]
        if seq is not None and row[SEQ] != seq + 1:
            return False, f"is row {row[SEQ]} of the trail where row {seq + 1} belongs"
        if hashes is not None and row[PREV_HASH] not in hashes:
            return False, "does not fit the row before it: its prev_hash is another row's"
        return True, ""


def _canonical(row: dict[str, Any]) -> bytes | None:
    try:
        return canonical(row)
    except (ValueError, TypeError, RecursionError):
        return None
