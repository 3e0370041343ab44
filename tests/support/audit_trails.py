# SPDX-License-Identifier: Apache-2.0
"""Audit trails for tests: written, copied, changed, verified."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
from typing import TYPE_CHECKING, Any

from telemetry.audit import AuditTrail, KeyRing
from telemetry.audit.proving.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.audit.proving.verdict import Verdict

SECRET = "correct horse battery staple"
KEYS = KeyRing.of(SECRET)


class Clock:
    """A wall clock that moves when it is told to."""

    def __init__(self, now_s: float = 1_776_262_980.0) -> None:
        self.now_ns = int(now_s * 1e9)

    def __call__(self) -> int:
        return self.now_ns

    def forward(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)


def write(log: Path, rows: int, *, files: int = 1, **settings: Any) -> list[Path]:
    """Writes a trail of some rows in some files; returns the files in order, the live one last."""
    settings = {"key": SECRET, "now_ns": Clock(), "fsync": "off", **settings}
    with AuditTrail(log, **settings) as trail:
        for number in range(rows):
            if number and files > 1 and number % -(-rows // files) == 0:
                trail.rotate()
            trail.append("tool_use", tool="Write", duration_ms=number, policy_outcome="allowed")
    return [*sorted(log.parent.glob(f"{log.stem}-*{log.suffix}")), log]


def proof(log: Path, keys: KeyRing = KEYS, **options: Any) -> Verdict:
    return verify(log, keys, **options)


def rows_of(*files: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def problems(log: Path, keys: KeyRing = KEYS, **options: Any) -> list[str]:
    return [str(finding) for finding in proof(log, keys, **options).findings]


def copied(log: Path, folder: Path) -> Path:
    """A copy of all files of a trail."""
    shutil.copytree(log.parent, folder)
    return folder / log.name


def hydra_hash(row: dict[str, Any], secret: str = SECRET) -> str:
    """Hydra's rule, written down a second time."""
    text = json.dumps(row, sort_keys=True, separators=(",", ":")).encode()
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def write_hydra(log: Path, rows: int, *, foreign_after: tuple[int, ...] = ()) -> None:
    """A log as Hydra writes it; rows without a chain after the given numbers."""
    before = "GENESIS"
    with log.open("w") as file:
        for number in range(1, rows + 1):
            row = {"event": "tool_use", "tool": "Bäsh", "duration_ms": number, "prev_hash": before}
            file.write(json.dumps(row) + "\n")
            before = hydra_hash(row)
            if number in foreign_after:
                file.write('{"event": "note", "by": "somebody else"}\n')
