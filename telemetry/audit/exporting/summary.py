# SPDX-License-Identifier: Apache-2.0
"""What an export came to, and what it says on the way."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from telemetry.audit.plurals import plural

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_NAMED", "Summary", "say_on_stderr"]

MOST_NAMED = 20
"""Malformed rows that are named one by one; the others are counted."""


def say_on_stderr(message: str) -> None:
    """Tells the person who runs the command."""
    sys.stderr.write(f"kairos audit: {message}\n")
    sys.stderr.flush()


@dataclass
class Summary:
    """The result of an export.

    Attributes:
        rows: Rows that became spans.
        malformed: Lines that are no rows.
        delivered: Rows that a receiver took, as it said itself.
        rejected: Rows of accepted requests that the receiver said it dropped.
        refused: Rows of requests that the receiver refused; they were kept in a file.
        unverified: Rows that the chain does not prove, where a key was given.
        requests: Requests that were answered or failed.
        findings: What happened to the log that should not have.
        problem: Why the export stopped before its end; empty when it did not.
    """

    say: Callable[[str], None] = field(default=say_on_stderr, repr=False, compare=False)
    rows: int = 0
    malformed: int = 0
    delivered: int = 0
    rejected: int = 0
    refused: int = 0
    unverified: int = 0
    requests: int = 0
    findings: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """0 when everything that was read went out, 1 otherwise."""
        return 1 if self.problem or self.rejected or self.refused else 0

    def skip(self, file: str, line: int, problem: str) -> None:
        """Counts a line that is no row, and names it unless there were many."""
        self.malformed += 1
        if self.malformed <= MOST_NAMED:
            self.say(f"{file}:{line}: {problem}")
        if self.malformed == MOST_NAMED:
            self.say("further malformed rows are counted and no longer named")

    def doubt(self, file: str, line: int, problem: str) -> None:
        """Counts a row that the chain does not prove, and names it unless there were many."""
        self.unverified += 1
        if self.unverified <= MOST_NAMED:
            self.say(f"{file}:{line}: {problem}")
        if self.unverified == MOST_NAMED:
            self.say("further rows that cannot be proven are counted and no longer named")

    def find(self, finding: str) -> None:
        """Notes what happened to a log that should not have."""
        self.findings.append(finding)
        self.say(finding)

    def as_json(self) -> dict[str, Any]:
        """Returns the result as JSON carries it."""
        return {
            "rows": self.rows,
            "malformed": self.malformed,
            "delivered": self.delivered,
            "rejected": self.rejected,
            "refused": self.refused,
            "unverified": self.unverified,
            "requests": self.requests,
            "findings": self.findings,
            "problem": self.problem,
        }

    def as_text(self, *, is_delivery: bool) -> str:
        """Returns the result in one line."""
        parts = [f"{self.rows} {plural(self.rows, 'row')} read"]
        if is_delivery:
            parts.append(f"{self.delivered} delivered")
        named = {
            "malformed": self.malformed,
            "rejected by the receiver": self.rejected,
            "refused by the receiver": self.refused,
            "not proven by the chain": self.unverified,
            plural(len(self.findings), "finding"): len(self.findings),
        }
        parts += [f"{count} {what}" for what, count in named.items() if count]
        return ", ".join(parts)
