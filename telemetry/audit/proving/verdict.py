# SPDX-License-Identifier: Apache-2.0
"""What `audit verify` found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Finding", "Verdict"]

MOST_FINDINGS = 1000


class Finding(NamedTuple):
    """Something that is not as its writer left it.

    Attributes:
        file: Name of the file.
        line: Line in it, from 1; 0 where the file as a whole is meant.
        problem: What is wrong, in words.
    """

    file: str
    line: int
    problem: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.problem}"


@dataclass
class Verdict:
    """The result of a verification.

    Attributes:
        files: Files that were read.
        rows: Rows that were proven.
        foreign: Rows of other writers, which no chain covers.
        findings: What is broken, in the order of the trail; the first thousand.
        notes: What is worth knowing and no sign of tampering.
        unlisted: Findings beyond those that are listed.
        is_sealed: Whether it is a trail of this package's writer; others' logs have a chain and no more.
        trail_id: What the first row of the trail says that its id is.
        end_seq: Number of the last row that was proven.
        end_hash: Its hash. Kept somewhere else, the two show later that nothing before was taken away.
    """

    files: int = 0
    rows: int = 0
    foreign: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    unlisted: int = 0
    is_sealed: bool = True
    trail_id: str = ""
    end_seq: int = 0
    end_hash: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether nothing is broken."""
        return not self.findings

    @property
    def anchor(self) -> str:
        """The end of the trail as `audit verify --anchor` takes it; empty without a row."""
        return f"{self.end_seq}:{self.end_hash}" if self.end_hash else ""

    def find(self, file: str, line: int, problem: str) -> None:
        """Adds a finding."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(file, line, problem))
        else:
            self.unlisted += 1

    def note(self, file: str, line: int, remark: str) -> None:
        """Adds a note."""
        self.notes.append(Finding(file, line, remark))

    def as_json(self) -> dict[str, Any]:
        """Returns the verdict as JSON carries it."""
        return {
            "intact": self.is_intact,
            "sealed": self.is_sealed,
            "files": self.files,
            "rows": self.rows,
            "foreign_rows": self.foreign,
            "trail_id": self.trail_id or None,
            "anchor": self.anchor or None,
            "findings": [finding._asdict() for finding in self.findings],
            "findings_not_listed": self.unlisted,
            "notes": [note._asdict() for note in self.notes],
        }
