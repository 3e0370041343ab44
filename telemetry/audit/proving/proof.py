# SPDX-License-Identifier: Apache-2.0
"""The proof of a trail of our own writer, file after file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.audit.canonical import canonical
from telemetry.audit.chain import GENESIS, HMAC, KEY_ID, PREV_HASH, SEQ, TRAIL_ID, is_sealed, row_hash
from telemetry.audit.lines import MAX_LINE_BYTES, lines_of, parse
from telemetry.audit.plurals import plural
from telemetry.audit.proving.verdict import Verdict

if TYPE_CHECKING:
    from typing import BinaryIO

    from telemetry.audit.head import Head
    from telemetry.audit.keys import Key, KeyRing
    from telemetry.audit.proving.anchor import Anchor

__all__ = ["TrailProof"]


class TrailProof:
    """Follows the chain through the files of one trail.

    Args:
        keys: The keys that rows were signed with.
        anchor: A row that the trail must have.

    Attributes:
        verdict: What was found so far.
    """

    def __init__(self, keys: KeyRing, anchor: Anchor | None = None) -> None:
        self.verdict = Verdict()
        self._keys = keys
        self._anchor = anchor
        self._seq = 0
        # None after a row that cannot be trusted: the next one is taken as given.
        self._hash: str | None = GENESIS
        self._before = ""

    def begin_at(self, head: Head) -> None:
        """Takes what is before a file as given: only this one is proven."""
        self._seq, self._hash, self._before = head.seq - head.rows, None, head.continues
        self._anchor = None

    def read(self, name: str, file: BinaryIO | None, head: Head | None, *, is_live: bool) -> None:
        """Proves one file.

        Args:
            name: Its name.
            file: Its content; None when it is missing.
            head: Its sealed head; None when there is no usable one, which has been found already.
            is_live: Whether rows may stand behind the head.

        Raises:
            OSError: It cannot be read.
        """
        self.verdict.files += 1
        if head is not None:
            self._check_continuation(name, head)
        if file is None:
            if head is None or head.rows:
                counted = f" with {head.rows} {plural(head.rows, 'row')}" if head is not None else ""
                self.verdict.find(name, 0, f"the file{counted} is missing")
        else:
            self._read_rows(file, name, head, is_live=is_live)
        if head is not None and self._seq < head.seq:
            # Proven to have been there: what was wrong before is known by now.
            self._seq, self._hash = head.seq, head.last_hash
        self._before = name

    def end(self, name: str) -> None:
        """Ends the proof: is a row that is known from elsewhere there?"""
        if self._anchor is not None:
            self.verdict.find(
                name,
                0,
                f"row {self._anchor.seq}, known from an earlier verification, is not in the trail: it was "
                "put back to "
                "an earlier state, or rows at its end were removed",
            )

    # -- a file and its head ---------------------------------------------------------------

    def _check_continuation(self, name: str, head: Head) -> None:
        if head.continues == self._before:
            return
        if head.continues:
            self.verdict.find(head.continues, 0, f"the file is missing: {name} continues it")
            self._seq, self._hash = head.seq - head.rows, None
        else:
            self.verdict.find(name, 0, f"does not continue {self._before}, after which it stands")

    def _read_rows(self, file: BinaryIO, name: str, head: Head | None, *, is_live: bool) -> None:
        rows = size = behind = 0
        for number, line in enumerate(lines_of(file), 1):
            if head is not None and size >= head.size:
                behind += 1
                if is_live and not line.endswith(b"\n"):
                    break  # a row that is being written, or whose writer died
                if not is_live:
                    self.verdict.find(
                        name, number, "stands behind the sealed head: it was added after the file was closed"
                    )
                    break
            size += len(line)
            problem = self._check(line)
            if problem is not None:
                self.verdict.find(name, number, problem)
            else:
                self.verdict.rows += 1
            if not behind:
                rows = number
                if head is not None and size == head.size:
                    self._check_last(name, number, head)
        if behind and is_live:
            self.verdict.note(
                name,
                rows + 1,
                f"{behind} {plural(behind, 'row stands', 'rows stand')} behind the sealed head: being "
                "written just now, or the writer died",
            )
        if head is not None:
            self._check_end(name, head, rows, size)

    def _check_last(self, name: str, number: int, head: Head) -> None:
        if self._hash is not None and self._hash != head.last_hash:
            self.verdict.find(name, number, "is not the row that the sealed head ends with")

    def _check_end(self, name: str, head: Head, rows: int, size: int) -> None:
        if rows < head.rows:
            is_one = head.rows == rows + 1
            missing = f"row {head.rows} is" if is_one else f"rows {rows + 1} to {head.rows} are"
            self.verdict.find(
                name,
                rows + 1,
                f"{missing} missing: the sealed head counts {head.rows} in the file",
            )
        elif size < head.size:
            self.verdict.find(name, rows, f"the file has {size} bytes; the sealed head says {head.size}")

    # -- rows ------------------------------------------------------------------------------

    def _check(self, line: bytes) -> str | None:
        """Returns what is wrong with a row, or None; moves on to the next one."""
        expected_hash, expected_seq = self._hash, self._seq + 1
        self._hash, self._seq = None, expected_seq
        if not line.endswith(b"\n"):
            is_long = len(line) == MAX_LINE_BYTES
            return "is too long" if is_long else "does not end with a newline: it was cut or changed"
        text = line[:-1]
        row = parse(text)
        if isinstance(row, str):
            return row
        key = self._keys.find(row.get(KEY_ID)) if KEY_ID in row else None
        problem = _changed(row, text, key)
        if problem is not None or key is None:
            return problem
        seq = row[SEQ]
        self._hash, self._seq = row_hash(text, key), seq
        if seq != expected_seq:
            return f"is row {seq} of the trail where row {expected_seq} belongs: rows were removed or moved"
        if expected_hash is not None and row[PREV_HASH] != expected_hash:
            return "does not fit the row before it: its prev_hash is another row's"
        self._take(row, self._hash)
        return None

    def _take(self, row: dict[str, Any], hashed: str) -> None:
        verdict = self.verdict
        verdict.end_seq, verdict.end_hash = row[SEQ], hashed
        if verdict.end_seq == 1:
            verdict.trail_id = str(row.get(TRAIL_ID, ""))
        if self._anchor is not None and self._anchor == (verdict.end_seq, hashed):
            self._anchor = None


def _changed(row: dict[str, Any], text: bytes, key: Key | None) -> str | None:
    """Returns how a row shows that it is not as it was written, or None."""
    if KEY_ID not in row or HMAC not in row:
        return "is not signed: it was not written by this trail's writer"
    if key is None:
        return f"was signed with key {row[KEY_ID]!r}, which is not among the given ones"
    # Its text, too: the same members in another order or spacing are not what was written.
    if not is_sealed(row, key) or text != canonical(row):
        return "was changed: its hmac does not fit"
    if not isinstance(row.get(SEQ), int) or not isinstance(row.get(PREV_HASH), str):
        return "is signed, but no row of a trail"
    return None
