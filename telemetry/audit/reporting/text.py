# SPDX-License-Identifier: Apache-2.0
"""A trail in a few lines of text, for a terminal; and words that the page shares with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from telemetry.audit.plurals import plural
from telemetry.audit.reporting.figures import top

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.audit.reporting.figures import Figures, Tally

__all__ = ["as_text", "moment", "statement"]

_MOST = 5


def moment(seconds: float) -> str:
    """Returns a moment (Unix seconds) as a reader wants it, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def statement(figures: Figures) -> tuple[str, str, str]:
    """Returns whether the trail can be trusted: a word for it, a heading, and what that means."""
    verdict = figures.verdict
    if verdict is None:
        return (
            "unknown",
            "Not checked",
            "No key was given, so nobody can tell from this report whether the log is as it was written.",
        )
    rows = f"{verdict.rows:,} {plural(verdict.rows, 'row')}"
    if not verdict.is_intact:
        count = len(verdict.findings) + verdict.unlisted
        places = "1 place does" if count == 1 else f"{count:,} places do"
        return (
            "broken",
            "Not intact",
            f"{places} not match what was written: something was changed, removed or added later. "
            f"{rows} could be proven.",
        )
    if not verdict.is_sealed:
        return (
            "intact",
            "Intact, as far as it can be proven",
            f"{rows} fit one another and nothing between them is missing. This kind of log cannot show "
            "whether its "
            "last row was changed or whether rows after it were removed.",
        )
    return (
        "intact",
        "Intact",
        f"All {rows} are as they were written: none was changed, removed or added later.",
    )


def as_text(figures: Figures) -> Iterator[str]:
    """Gives the summary line by line."""
    _, heading, meaning = statement(figures)
    yield f"{figures.log}: {heading}"
    yield f"  {meaning}"
    if figures.verdict is not None:
        for finding in figures.verdict.findings[:_MOST]:
            yield f"  finding: {finding}"
        for note in figures.verdict.notes[:_MOST]:
            yield f"  note: {note}"
    yield ""
    line = figures.timeline
    if line.first_ns is not None and line.last_ns is not None:
        yield f"  {moment(line.first_ns / 1e9)} to {moment(line.last_ns / 1e9)} UTC"
    counts = ", ".join(f"{count:,} {kind}" for kind, count in figures.kinds.items() if count)
    rows, files, sessions = figures.rows, figures.files, len(figures.sessions)
    seen = f"{rows:,} {plural(rows, 'row')} in {files} {plural(files, 'file')}"
    yield f"  {seen}, {sessions:,} {plural(sessions, 'session')}: {counts or 'none'}"
    if figures.malformed:
        yield f"  {figures.malformed:,} {plural(figures.malformed, 'line is no row', 'lines are no rows')}"
    yield from _table("tools", figures.tools)
    yield from _table("hosts", figures.hosts)
    if figures.incidents:
        yield ""
        yield f"  last of {figures.incident_count:,} blocked, failed or warned of:"
        for one in list(figures.incidents)[-_MOST:]:
            parts = (one.ts, one.kind, one.event, one.tool, one.where, one.error)
            yield f"    {one.file}:{one.line}  {'  '.join(part for part in parts if part)}"


def _table(title: str, tallies: dict[str, Tally]) -> Iterator[str]:
    if not tallies:
        return
    yield ""
    yield f"  {title}:"
    for name, tally in top(tallies, _MOST):
        worse = ", ".join(
            f"{count:,} {kind}" for kind, count in tally.kinds.items() if count and kind != "allowed"
        )
        yield f"    {tally.rows:>9,}  {name}{f'  ({worse})' if worse else ''}"
