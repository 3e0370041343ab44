# SPDX-License-Identifier: Apache-2.0
"""What a report says of a trail, gathered in one pass and in bounded memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.audit.errors import AuditError
from telemetry.audit.files import trail_files
from telemetry.audit.lines import lines_of, parse
from telemetry.audit.masking import mask_text
from telemetry.audit.proving.snapshot import open_file
from telemetry.audit.reporting.timeline import Timeline
from telemetry.audit.times import Times

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.audit.keys import KeyRing
    from telemetry.audit.proving.verdict import Verdict

__all__ = ["KINDS", "Figures", "Incident", "Tally", "figures_of", "kind_of"]

KINDS = ("allowed", "warn", "failed", "blocked")
"""What a row came to, the worst last: its `policy_outcome`, or `failed` where it has an `error_type`."""
_MOST_NAMES = 2000  # different tools, hosts, events; more are counted together
_MOST_INCIDENTS = 300
_MOST_SESSIONS = 100_000
_MOST_CHARACTERS = 200
OTHERS = "(others)"


class Incident(NamedTuple):
    """A row that was blocked, failed or warned of.

    Attributes:
        file: Name of its file.
        line: Its line.
        ts: Its moment, as the row has it.
        kind: `blocked`, `failed` or `warn`.
        event: What happened.
        tool: The tool.
        where: Its host or target.
        error: Its error type.
        session: Its session or agent.
    """

    file: str
    line: int
    ts: str
    kind: str
    event: str
    tool: str
    where: str
    error: str
    session: str


@dataclass(slots=True)
class Tally:
    """Rows of one tool, host or event.

    Attributes:
        kinds: How many of each kind.
        total_ms: Their durations together.
        timed: How many have a duration.
        longest_ms: The longest duration.
    """

    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    total_ms: float = 0.0
    timed: int = 0
    longest_ms: float = 0.0

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(self.kinds.values())

    @property
    def mean_ms(self) -> float | None:
        """The mean duration; None without any."""
        return self.total_ms / self.timed if self.timed else None


@dataclass
class Figures:
    """What a trail amounts to.

    Attributes:
        log: The file that is written to.
        verdict: What its verification says; None without a key.
        files: Files that were read.
        rows: Rows in them.
        malformed: Lines that are no rows.
        kinds: Rows of each kind.
        tools: Rows by tool.
        hosts: Rows by host.
        events: Rows by event.
        incidents: Rows that were blocked, failed or warned of; the last three hundred.
        incident_count: How many there are.
        sessions: Different sessions, or agents where no session is named.
        timeline: When it happened.
        times: Reads the rows' moments.
    """

    log: str
    verdict: Verdict | None = None
    files: int = 0
    rows: int = 0
    malformed: int = 0
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    tools: dict[str, Tally] = field(default_factory=dict)
    hosts: dict[str, Tally] = field(default_factory=dict)
    events: dict[str, Tally] = field(default_factory=dict)
    incidents: deque[Incident] = field(default_factory=lambda: deque(maxlen=_MOST_INCIDENTS))
    incident_count: int = 0
    sessions: set[str] = field(default_factory=set)
    timeline: Timeline = field(default_factory=lambda: Timeline(KINDS))
    times: Times = field(default_factory=Times)

    def as_json(self) -> dict[str, Any]:
        """Returns the figures as JSON carries them."""
        return {
            "log": self.log,
            "verdict": None if self.verdict is None else self.verdict.as_json(),
            "files": self.files,
            "rows": self.rows,
            "malformed": self.malformed,
            "outcomes": self.kinds,
            "tools": {name: tally.kinds for name, tally in top(self.tools, _MOST_NAMES)},
            "hosts": {name: tally.kinds for name, tally in top(self.hosts, _MOST_NAMES)},
            "events": {name: tally.kinds for name, tally in top(self.events, _MOST_NAMES)},
            "sessions": len(self.sessions),
            "first_ns": self.timeline.first_ns,
            "last_ns": self.timeline.last_ns,
            "incidents": self.incident_count,
        }

    def take(self, row: dict[str, Any], file: str, line: int) -> None:
        """Adds a row."""
        kind = kind_of(row)
        self.rows += 1
        self.kinds[kind] += 1
        duration_ms = _duration_ms(row)
        for name, tallies in (("tool", self.tools), ("dest_host", self.hosts), ("event", self.events)):
            if row.get(name) is not None:
                _count(tallies, short(row[name]), kind, duration_ms)
        session = row.get("session_id") or row.get("agent_id")
        if session is not None and len(self.sessions) < _MOST_SESSIONS:
            self.sessions.add(short(session))
        moment = self.times.nanoseconds(row.get("ts"))
        if moment is not None:
            self.timeline.add(moment, kind)
        if kind != "allowed":
            self.incident_count += 1
            self.incidents.append(_incident(row, file, line, kind))


def top(tallies: dict[str, Tally], most: int) -> list[tuple[str, Tally]]:
    """Returns the ones with the most rows, those that count the rest last."""
    ranked = sorted(tallies.items(), key=lambda pair: (pair[0] == OTHERS, -pair[1].rows, pair[0]))
    return ranked[:most]


def kind_of(row: dict[str, Any]) -> str:
    """Returns what a row came to; see `KINDS`."""
    outcome = row.get("policy_outcome")
    if outcome == "blocked":
        return "blocked"
    if row.get("error_type"):
        return "failed"
    return "warn" if outcome == "warn" else "allowed"


def short(value: object) -> str:
    """Returns a value as a text that a page can show: without credentials, and not too long."""
    text = mask_text(value if isinstance(value, str) else repr(value)[: 10 * _MOST_CHARACTERS])
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def figures_of(log: Path, keys: KeyRing | None) -> Figures:
    """Reads a trail, all its files, and proves it where there is a key.

    Args:
        log: The file that is written to.
        keys: The keys; None: it is not proven.

    Raises:
        AuditError: There is no such log, or it cannot be read.
    """
    figures = Figures(str(log))
    try:
        if keys is not None:
            from telemetry.audit.proving.verify import verify

            figures.verdict = verify(log, keys)
        for path in trail_files(log):
            _read(path, figures)
    except OSError as error:
        raise AuditError(f"{error.filename or str(log)!r} cannot be read: {error.strerror}") from error
    if not figures.files and keys is None:
        raise AuditError(f"there is no audit log {str(log)!r}; name the file that is written to")
    return figures


def _read(path: Path, figures: Figures) -> None:
    file = open_file(path)
    if file is None:
        return
    figures.files += 1
    with file:
        for number, line in enumerate(lines_of(file), 1):
            row = parse(line)
            if not isinstance(row, str):
                figures.take(row, path.name, number)
            elif line.strip():
                figures.malformed += 1


def _duration_ms(row: dict[str, Any]) -> float | None:
    duration = row.get("duration_ms")
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 <= duration < 1e15:
        return None
    return float(duration)


def _count(tallies: dict[str, Tally], name: str, kind: str, duration_ms: float | None) -> None:
    tally = tallies.get(name)
    if tally is None:
        name = name if len(tallies) < _MOST_NAMES else OTHERS
        tally = tallies.setdefault(name, Tally())
    tally.kinds[kind] += 1
    if duration_ms is not None:
        tally.timed += 1
        tally.total_ms += duration_ms
        tally.longest_ms = max(tally.longest_ms, duration_ms)


def _incident(row: dict[str, Any], file: str, line: int, kind: str) -> Incident:
    def text(*names: str) -> str:
        return next((short(row[name]) for name in names if row.get(name) is not None), "")

    return Incident(
        file,
        line,
        text("ts"),
        kind,
        text("event"),
        text("tool"),
        text("dest_host", "target"),
        text("error_type"),
        text("session_id", "agent_id"),
    )
