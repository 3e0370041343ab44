# SPDX-License-Identifier: Apache-2.0
"""Proves a trail: every row, every file, and that nothing is missing."""

from __future__ import annotations

from pathlib import Path

from telemetry.audit.errors import AuditError
from telemetry.audit.files import trail_files
from telemetry.audit.head import head_path
from telemetry.audit.hydra import verify_chain
from telemetry.audit.keys import KeyRing
from telemetry.audit.proof import TrailProof
from telemetry.audit.verdict import Verdict

__all__ = ["verify"]

_ATTEMPTS = 5


def verify(path: Path, keys: KeyRing) -> Verdict:
    """Reads a trail from its first row to its last and says what is not as it was written.

    A trail of this package's writer is proven row by row, with the sealed head of each file. A log that
    has none, Hydra's `audit.jsonl`, is proven as far as its chain goes: each row against the next one.
    A trail that is being written to may be verified; what stands behind the head is noted.

    What no verification of the files alone can show: that a whole trail was put back to an earlier state,
    or that its newest file was removed together with its head and all files before it.

    Args:
        path: The file that is (or was) written to.
        keys: The keys that rows were signed with.

    Raises:
        AuditError: There is no such trail, or it cannot be read.
    """
    for _ in range(_ATTEMPTS):
        files = trail_files(path)
        if len(files) == 1 and not path.exists() and not head_path(path).exists():
            raise AuditError(f"there is no audit trail {str(path)!r}")
        try:
            verdict = _verify_once(files, path, keys)
        except OSError as error:
            raise AuditError(f"{error.filename or str(path)!r} cannot be read: {error.strerror}") from error
        if trail_files(path) == files:
            return verdict
    return verdict  # it rotates faster than it can be read; what was found is still true of what was read


def _verify_once(files: list[Path], path: Path, keys: KeyRing) -> Verdict:
    if len(files) == 1 and not head_path(path).exists():
        with path.open("rb") as file:
            verdict = verify_chain(file, path.name, keys)
        if verdict is not None:
            return verdict
    proof = TrailProof(keys)
    for file in files:
        proof.read(file, is_live=file == path)
    return proof.verdict
