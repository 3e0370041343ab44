# SPDX-License-Identifier: Apache-2.0
"""The proof of a trail of our own writer, file after file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from telemetry.audit.canonical import canonical
from telemetry.audit.chain import GENESIS, HMAC, KEY_ID, PREV_HASH, SEQ, row_hash, seal_of_row
from telemetry.audit.head import Head, HeadError, head_path, read_head
from telemetry.audit.keys import Key, KeyRing
from telemetry.audit.lines import MAX_LINE_BYTES, lines_of, parse
from telemetry.audit.verdict import Verdict

__all__ = ["TrailProof"]


class TrailProof:
    """Follows the chain through the files of one trail.

    Args:
        keys: The keys that rows were signed with.

    Attributes:
        verdict: What was found so far.
    """

    def __init__(self, keys: KeyRing) -> None:
        self.verdict = Verdict()
        self._keys = keys
        self._seq = 0
        self._hash: str | None = (
            GENESIS  # None after a row that cannot be trusted: the next one is taken as given
        )
        self._before = ""

    def read(self, path: Path, *, is_live: bool) -> None:
        """Proves one file.

        Args:
            path: The file.
            is_live: Whether it is the one that is written to.

        Raises:
            OSError: It cannot be read.
        """
        self.verdict.files += 1
        head = self._head(path, is_live=is_live)
        self._check_continuation(path, head)
        try:
            with path.open("rb") as file:
                rows, size = self._read_rows(file, path.name, head)
        except FileNotFoundError:
            counted = f" with {head.rows} rows" if head is not None else ""
            self.verdict.find(path.name, 0, f"the file{counted} is missing")
            rows = size = -1
        if head is not None and rows >= 0:
            self._check_end(path.name, head, rows, size)
        if head is not None:
            self._seq, self._hash = (
                head.seq,
                head.last_hash,
            )  # proven: what was wrong before it is known by now
        self._before = path.name

    # -- the head --------------------------------------------------------------------------

    def _head(self, path: Path, *, is_live: bool) -> Head | None:
        seal = head_path(path).name
        try:
            head = read_head(path, self._keys)
        except HeadError as error:
            self.verdict.find(seal, 0, str(error))
            return None
        if head is None:
            self.verdict.find(seal, 0, "the sealed head is missing, so rows at the end may be missing too")
        elif is_live and head.closed_as:
            self.verdict.note(
                path.name, 0, f"is about to become {head.closed_as}: a writer died while it rotated"
            )
        elif not is_live and head.closed_as != path.name:
            was = head.closed_as or "the file that is written to"
            self.verdict.find(path.name, 0, f"was renamed: its sealed head belongs to {was}")
        return head

    def _check_continuation(self, path: Path, head: Head | None) -> None:
        if head is None or head.continues == self._before:
            return
        if head.continues:
            self.verdict.find(head.continues, 0, f"the file is missing: {path.name} continues it")
            self._seq, self._hash = head.seq - head.rows, None
        else:
            self.verdict.find(path.name, 0, f"does not continue {self._before}, after which it stands")

    def _check_end(self, name: str, head: Head, rows: int, size: int) -> None:
        if rows < head.rows:
            missing = f"row {head.rows}" if head.rows == rows + 1 else f"rows {rows + 1} to {head.rows}"
            self.verdict.find(
                name, rows + 1, f"{missing} of the file are missing: the sealed head counts {head.rows}"
            )
        elif size < head.size:
            self.verdict.find(name, rows, f"the file has {size} bytes; the sealed head says {head.size}")

    # -- rows ------------------------------------------------------------------------------

    def _read_rows(self, file: Any, name: str, head: Head | None) -> tuple[int, int]:
        rows = size = 0
        end = head.size if head is not None else None
        for number, line in enumerate(lines_of(file), 1):
            if end is not None and size >= end:
                self.verdict.note(
                    name, number, "stands behind the sealed head: being written just now, or its writer died"
                )
                if not line.endswith(b"\n"):
                    break
            rows, size = number, size + len(line)
            problem = self._check(line)
            if problem is None:
                self.verdict.rows += 1
            else:
                self.verdict.find(name, number, problem)
        return rows, size

    def _check(self, line: bytes) -> str | None:
        """Returns what is wrong with a row, or None; moves on to the next one."""
        expected_hash, expected_seq = self._hash, self._seq + 1
        self._hash, self._seq = None, expected_seq
        if not line.endswith(b"\n"):
            return (
                "is too long"
                if len(line) == MAX_LINE_BYTES
                else "does not end with a newline: it was cut or changed"
            )
        text = line[:-1]
        row = parse(text)
        if isinstance(row, str):
            return row
        key = self._keys.find(row.get(KEY_ID)) if KEY_ID in row else None
        problem = _changed(row, text, key)
        if problem is not None or key is None:
            return problem
        self._hash, self._seq = row_hash(text, key), row[SEQ]
        if row[SEQ] != expected_seq:
            return f"is row {row[SEQ]} of the trail where row {expected_seq} belongs: rows were removed, added or moved"
        if expected_hash is not None and row[PREV_HASH] != expected_hash:
            return "does not fit the row before it: its prev_hash is another row's"
        return None


def _changed(row: dict[str, Any], text: bytes, key: Key | None) -> str | None:
    """Returns how a row shows that it is not as it was written, or None."""
    if KEY_ID not in row or HMAC not in row:
        return "is not signed: it was not written by this trail's writer"
    if key is None:
        return f"was signed with key {row[KEY_ID]!r}, which is not among the given ones"
    try:
        is_same = row[HMAC] == seal_of_row(row, key) and text == canonical(row)
    except (ValueError, TypeError, RecursionError):
        is_same = False
    if not is_same or not isinstance(row.get(SEQ), int):
        return "was changed: its hmac does not fit"
    return None
