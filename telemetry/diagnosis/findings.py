# SPDX-License-Identifier: Apache-2.0
"""What a check says: a symptom from the table, what was seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = ["Answer", "Finding", "Outcome", "Symptom"]


class Outcome(StrEnum):
    """How a check ended. Only `FAILED` means that data would not arrive."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        check: What was checked, for people: the exporter and the step.
        outcome: How it ended.
        headline: The symptom in a few words; `docs/troubleshooting.md` has a section for each.
        detail: What was seen this time: addresses, latency, the server's own words. Never a secret.
        remedy: What to do about it; empty when all is well.
    """

    check: str
    outcome: Outcome
    headline: str
    detail: str = ""
    remedy: str = ""

    @property
    def message(self) -> str:
        """The headline and, where there is more to say, the detail."""
        return f"{self.headline}: {self.detail}" if self.detail else self.headline

    def as_dict(self) -> dict[str, str]:
        """The finding as plain strings, for JSON."""
        return {
            "check": self.check,
            "outcome": str(self.outcome),
            "headline": self.headline,
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Symptom:
    """One row of the table of symptoms.

    Attributes:
        headline: The symptom in a few words.
        outcome: Whether it is a failure.
        remedy: What to do; a format string that may use the facts of the check.
    """

    headline: str
    outcome: Outcome
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one probe step came back with, before it is known which check it belongs to."""

    symptom: Symptom
    detail: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether the steps after this one make no sense."""
        return self.symptom.outcome is Outcome.FAILED

    def also(self, words: str) -> Answer:
        """The same answer with more detail; unchanged when there is nothing to add."""
        if not words:
            return self
        return replace(self, detail=f"{self.detail}; {words}" if self.detail else words)

    def finding(self, check: str, **facts: object) -> Finding:
        """The answer as a finding; `facts` fill the remedy."""
        symptom = self.symptom
        return Finding(check, symptom.outcome, symptom.headline, self.detail, symptom.remedy.format(**facts))
