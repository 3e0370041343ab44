# SPDX-License-Identifier: Apache-2.0
"""Logs of other writers, whose rows carry the hash of the one before and nothing else.

Hydra's rule: `prev_hash` is the base64 of HMAC-SHA256 over the sorted, compact JSON of the row before;
`GENESIS` in the first one. Rows of other writers, without `prev_hash`, may stand in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.audit.canonical import canonical
from telemetry.audit.chain import GENESIS, HMAC, PREV_HASH, row_hash
from telemetry.audit.lines import lines_of, parse
from telemetry.audit.plurals import plural
from telemetry.audit.proving.verdict import Verdict

if TYPE_CHECKING:
    from typing import BinaryIO

    from telemetry.audit.keys import KeyRing
    from telemetry.audit.proving.anchor import Anchor

__all__ = ["verify_chain"]

_MOST_NAMED = 10
_UNSIGNED_END = (
    "the last row is not covered by a chain without a sealed head: that it was changed, or that rows "
    "after it were removed, cannot be seen"
)
_NO_CHAIN = "has no row with prev_hash, so nothing in it can be proven"
_BROKEN = "does not fit the row before it, which was changed, removed or moved, or its key is another one"


def verify_chain(file: BinaryIO, name: str, keys: KeyRing, anchor: Anchor | None = None) -> Verdict | None:
    """Proves a log as far as its chain goes; None when its rows are signed, for then a head is missing.

    Rows are numbered as they are chained: those of other writers have no number.

    Args:
        file: The log.
        name: Its name, for findings.
        keys: The keys; as rows do not say which one, each is tried.
        anchor: A row that the log must have.
    """
    chain = _Chain(name, keys, anchor)
    for number, line in enumerate(lines_of(file), 1):
        row = parse(line)
        if isinstance(row, str):
            if line.strip():
                chain.verdict.find(name, number, row)
        elif HMAC in row and PREV_HASH in row:
            return None
        else:
            chain.take(row, number)
    return chain.end()


class _Chain:
    def __init__(self, name: str, keys: KeyRing, anchor: Anchor | None) -> None:
        self.verdict = Verdict(files=1, is_sealed=False)
        self._name = name
        self._keys = keys
        self._anchor = anchor
        self._chained: set[str] = {GENESIS}  # hashes of the last chained row
        self._before: set[str] = (
            set()
        )  # of the foreign row right before: its writer may have taken it as the last
        self._foreign_lines: list[int] = []

    def take(self, row: dict[str, Any], number: int) -> None:
        try:
            text = canonical(row)
        except (ValueError, TypeError, RecursionError):
            self.verdict.find(self._name, number, "has no canonical text")
            return
        hashes = {row_hash(text, key) for key in self._keys}
        if PREV_HASH not in row:
            self.verdict.foreign += 1
            if len(self._foreign_lines) < _MOST_NAMED:
                self._foreign_lines.append(number)
            self._before = hashes
            return
        claimed = row[PREV_HASH]
        is_fitting = isinstance(claimed, str) and (claimed in self._chained or claimed in self._before)
        self.verdict.end_seq += 1
        self.verdict.end_hash = row_hash(text, self._keys.signing)
        if (
            self._anchor is not None
            and self._anchor.seq == self.verdict.end_seq
            and self._anchor.row_hash in hashes
        ):
            self._anchor = None
        if is_fitting:
            self.verdict.rows += 1
        elif self._chained == {GENESIS}:
            self.verdict.find(
                self._name, number, "refers to a row before it, but the log begins here: rows were removed"
            )
        else:
            self.verdict.find(self._name, number, _BROKEN)
        self._chained, self._before = hashes, set()

    def end(self) -> Verdict:
        verdict = self.verdict
        if self._foreign_lines:
            more = ", ..." if verdict.foreign > len(self._foreign_lines) else ""
            lines = ", ".join(str(number) for number in self._foreign_lines)
            rows = plural(verdict.foreign, "row of another writer is", "rows of other writers are")
            named = f"{plural(verdict.foreign, 'line')} {lines}{more}"
            verdict.note(self._name, 0, f"{verdict.foreign} {rows} in no chain: {named}")
        if verdict.end_seq:
            verdict.note(self._name, 0, _UNSIGNED_END)
        elif verdict.foreign:
            verdict.find(self._name, 0, _NO_CHAIN)
        if self._anchor is not None:
            verdict.find(
                self._name,
                0,
                f"row {self._anchor.seq}, known from an earlier verification, is not in the log",
            )
        return verdict
