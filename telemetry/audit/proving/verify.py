# SPDX-License-Identifier: Apache-2.0
"""Proves a trail: every row, every file, and that nothing is missing."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from telemetry.audit.errors import AuditError
from telemetry.audit.head import Head, HeadError, head_path, read_head
from telemetry.audit.proving.hydra import verify_chain
from telemetry.audit.proving.proof import TrailProof
from telemetry.audit.proving.snapshot import Snapshot, open_file

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.audit.keys import KeyRing
    from telemetry.audit.proving.anchor import Anchor
    from telemetry.audit.proving.verdict import Verdict

__all__ = ["verify"]

_MISSING = "the sealed head is missing, so rows at the end may be missing too"


def verify(
    path: Path, keys: KeyRing, *, anchor: Anchor | None = None, must_be_sealed: bool = False
) -> Verdict:
    """Reads a trail from its first row to its last and says what is not as it was written.

    A trail of this package's writer is proven row by row, with the sealed head of each file. A log that
    has none, Hydra's `audit.jsonl`, is proven as far as its chain goes: each row against the next one.
    A trail that is being written to may be verified; what stands behind the head is noted.

    What no verification of the files alone can show: that all of a trail was put back to an earlier
    state, which was intact then, or was replaced by another trail of the same key. An anchor shows both.

    Args:
        path: The file that is (or was) written to; or one that was closed, to prove only that one.
        keys: The keys that rows were signed with.
        anchor: A row that the trail must have, known from an earlier verification.
        must_be_sealed: A log without sealed heads is a finding: otherwise whoever can replace the files
            of a trail could put one in their place that proves less.

    Raises:
        AuditError: There is no such trail, or it cannot be read.
    """
    try:
        with Snapshot.take(path, keys) as snapshot:
            return _verify(path, snapshot, keys, anchor, must_be_sealed=must_be_sealed)
    except OSError as error:
        raise AuditError(f"{error.filename or str(path)!r} cannot be read: {error.strerror}") from error


def _verify(
    path: Path, snapshot: Snapshot, keys: KeyRing, anchor: Anchor | None, *, must_be_sealed: bool
) -> Verdict:
    if snapshot.head is None and not snapshot.archived and snapshot.live is not None:
        verdict = verify_chain(snapshot.live, path.name, keys, anchor)
        if verdict is not None:
            if must_be_sealed:
                verdict.find(path.name, 0, _MISSING)
            return verdict
        snapshot.live.seek(0)
    proof = TrailProof(keys, anchor)
    head = snapshot.head
    if isinstance(head, Head) and head.closed_as == path.name:  # one file of a trail, named by itself
        proof.begin_at(head)
        proof.read(path.name, snapshot.live, head, is_live=False)
        proof.verdict.note(path.name, 0, "only this file of the trail was read")
        return proof.verdict
    pending = head.closed_as if isinstance(head, Head) else ""
    for file in snapshot.archived:
        _read_archived(proof, file, head if pending == file.name and isinstance(head, Head) else None, keys)
    if pending and pending in (file.name for file in snapshot.archived):
        if snapshot.live is not None:
            proof.verdict.find(
                head_path(path).name, 0, f"the sealed head belongs to {pending}, not to {path.name}"
            )
            proof.read(path.name, snapshot.live, None, is_live=True)
        else:
            _note_rotation(proof, path, pending)
    else:
        if pending:
            _note_rotation(proof, path, pending)
        proof.read(path.name, snapshot.live, _usable(proof, path, head), is_live=True)
    proof.end(path.name)
    return proof.verdict


def _read_archived(proof: TrailProof, path: Path, closing: Head | None, keys: KeyRing) -> None:
    """Proves a file that is full; one whose rotation is not finished has its head with the live file."""
    try:
        own = read_head(path, keys)
    except HeadError as error:
        proof.verdict.find(head_path(path).name, 0, str(error))
        head = None
    else:
        head = _usable(proof, path, own or closing)
    if head is not None and head.closed_as != path.name:
        was = head.closed_as or "the file that is written to"
        proof.verdict.find(path.name, 0, f"was renamed: its sealed head belongs to {was}")
    with open_file(path) or nullcontext() as file:
        proof.read(path.name, file, head, is_live=False)


def _usable(proof: TrailProof, path: Path, head: Head | HeadError | None) -> Head | None:
    if isinstance(head, Head):
        return head
    proof.verdict.find(head_path(path).name, 0, _MISSING if head is None else str(head))
    return None


def _note_rotation(proof: TrailProof, path: Path, pending: str) -> None:
    proof.verdict.note(
        path.name, 0, f"is about to become {pending}: a writer rotates it, or died while it did"
    )
