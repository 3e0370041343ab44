# SPDX-License-Identifier: Apache-2.0
"""A trail as one page of HTML: no scripts, nothing from elsewhere, every value escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from telemetry.audit.plurals import plural
from telemetry.audit.reporting.figures import KINDS, top
from telemetry.audit.reporting.style import STYLE
from telemetry.audit.reporting.text import moment, statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry.audit.proving.verdict import Finding
    from telemetry.audit.reporting.figures import Figures, Incident, Tally

__all__ = ["as_html"]

_MOST_FINDINGS = 200
_MOST_NAMES = 12
_WORDS = {"allowed": "Allowed", "warn": "Warned", "failed": "Failed", "blocked": "Blocked"}
_MARKS = {
    "intact": '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    "broken": '<path d="M7 7l10 10M17 7L7 17"/>',
    "unknown": '<path d="M9 9.2a3 3 0 1 1 4.3 2.7c-.9.4-1.3 1-1.3 2M12 17.4v.2"/>',
}
_CHART = (960, 180)  # in units of the drawing; it scales with the page


def as_html(figures: Figures) -> str:
    """Returns the page."""
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            # Even if something got past the escaping, no browser would run or load it.
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; ',
            "style-src 'unsafe-inline'\">\n",
            "<title>Audit report: "
            f"{escape(figures.log)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
            *_heading(figures),
            *_proof(figures),
            *_facts(figures),
            *_outcomes(figures),
            *_timeline(figures),
            '<div class="pair">\n',
            *_names("Tools", "tool", figures.tools),
            *_names("Hosts", "host", figures.hosts),
            "</div>\n",
            *_incidents(figures),
            *_footer(figures),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _heading(figures: Figures) -> Iterator[str]:
    word, heading, meaning = statement(figures)
    yield f'<header><p class="kind">Audit report</p><h1>{escape(figures.log)}</h1></header>\n'
    yield f'<section class="verdict {word}" aria-label="Verification">'
    yield f'<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="11"/>{_MARKS[word]}</svg>'
    yield f"<div><h2>{heading}</h2><p>{escape(meaning)}</p></div></section>\n"


def _proof(figures: Figures) -> Iterator[str]:
    verdict = figures.verdict
    if verdict is None:
        return
    if verdict.findings:
        listed = verdict.findings[:_MOST_FINDINGS]
        more = len(verdict.findings) + verdict.unlisted - len(listed)
        yield '<section><h2>What does not match</h2><div class="scroll"><table class="findings">'
        yield "<thead><tr><th>File</th><th>Line</th><th>What was found</th></tr></thead><tbody>"
        yield from _found(listed)
        yield "</tbody></table></div>"
        if more:
            yield f"<p class=quiet>And {more:,} more; <code>audit verify --all</code> lists them.</p>"
        yield "</section>\n"
    if verdict.notes:
        yield '<section><h2>Worth knowing</h2><ul class="notes">'
        for note in verdict.notes:
            yield f"<li>{escape(str(note))}</li>"
        yield "</ul></section>\n"


def _found(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        line = f"{finding.line:,}" if finding.line else ""
        yield f"<tr><td class=mono>{escape(finding.file)}</td><td class=number>{line}</td>"
        yield f"<td>{escape(finding.problem)}</td></tr>"


def _facts(figures: Figures) -> Iterator[str]:
    worst = sum(figures.kinds[kind] for kind in ("blocked", "failed"))
    facts = [
        ("Rows", f"{figures.rows:,}"),
        ("Sessions", f"{len(figures.sessions):,}"),
        ("Tools", f"{len(figures.tools):,}"),
        ("Hosts", f"{len(figures.hosts):,}"),
        ("Blocked or failed", f"{worst:,}"),
    ]
    if figures.malformed:
        facts.append(("Lines that are no rows", f"{figures.malformed:,}"))
    yield '<dl class="facts">'
    for name, value in facts:
        yield f"<div><dt>{name}</dt><dd>{value}</dd></div>"
    yield "</dl>\n"


def _outcomes(figures: Figures) -> Iterator[str]:
    if not figures.rows:
        return
    yield '<section><h2>Outcomes</h2><svg class="share" viewBox="0 0 1000 14" preserveAspectRatio="none" '
    yield f'role="img" aria-label="{_spoken(figures.kinds)}">'
    left = 0.0
    for kind in KINDS:
        width = 1000 * figures.kinds[kind] / figures.rows
        if width:
            yield f'<rect class="{kind}" x="{left:.2f}" y="0" width="{width:.2f}" height="14"/>'
        left += width
    yield '</svg><ul class="legend">'
    for kind in KINDS:
        count = figures.kinds[kind]
        share = f"{100 * count / figures.rows:.1f} %"
        yield f'<li><i class="{kind}"></i>{_WORDS[kind]} <b>{count:,}</b> <span>{share}</span></li>'
    yield "</ul></section>\n"


def _spoken(kinds: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {_WORDS[kind].lower()}" for kind, count in kinds.items())


def _timeline(figures: Figures) -> Iterator[str]:
    steps = figures.timeline.steps()
    if not steps:
        return
    width, height = _CHART
    most = max(sum(counts.values()) for _, counts in steps)
    pitch = width / len(steps)
    bar = max(1.0, min(pitch - (2 if pitch > 6 else 0.6), 28))
    first, last = (figures.timeline.first_ns or 0) / 1e9, (figures.timeline.last_ns or 0) / 1e9
    yield f"<section><h2>Timeline</h2><p class=quiet>Rows per {_duration(figures.timeline.width_s)}, "
    yield f"most at once {most:,}. Times are UTC.</p>"
    yield f'<svg class="chart" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
    yield f'aria-label="Rows over time, {moment(first)} to {moment(last)} UTC">'
    for part in (0.25, 0.5, 0.75):
        yield f'<line x1="0" x2="{width}" y1="{height * part:.0f}" y2="{height * part:.0f}"/>'
    for number, (begin, counts) in enumerate(steps):
        total = sum(counts.values())
        if total:
            yield f"<g><title>{moment(begin)}: {escape(_spoken(counts))}</title>"
            yield from _bar(counts, number * pitch + (pitch - bar) / 2, bar, most)
            yield "</g>"
    yield f'</svg><p class="axis"><time>{moment(first)}</time><time>{moment(last)}</time></p></section>\n'


def _bar(counts: dict[str, int], left: float, width: float, most: int) -> Iterator[str]:
    bottom = float(_CHART[1])
    for kind in KINDS:
        if counts[kind]:
            # At least a hair's breadth: one blocked row among a million must be seen.
            tall = max(counts[kind] / most * (_CHART[1] - 6), 1.5)
            bottom -= tall
            yield f'<rect class="{kind}" x="{left:.2f}" y="{bottom:.2f}" '
            yield f'width="{width:.2f}" height="{tall:.2f}"/>'


def _duration(seconds: int) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return name if seconds == size else f"{seconds // size} {name}s"
    return "second" if seconds == 1 else f"{seconds} seconds"


def _names(title: str, what: str, tallies: dict[str, Tally]) -> Iterator[str]:
    if not tallies:
        return
    ranked = top(tallies, _MOST_NAMES)
    most = max(tally.rows for _, tally in ranked)
    has_times = any(tally.timed for _, tally in ranked)
    yield f'<section><h2>{title}</h2><div class="scroll"><table><thead><tr><th>{what.capitalize()}</th>'
    yield "<th class=number>Rows</th><th class=number>Blocked or failed</th>"
    yield f"{'<th class=number>Mean</th>' if has_times else ''}</tr></thead><tbody>"
    for name, tally in ranked:
        worse = tally.kinds["blocked"] + tally.kinds["failed"]
        yield f"<tr><td class=name>{escape(name)}"
        yield f'<span class="meter"><i style="width:{100 * tally.rows / most:.1f}%"></i></span></td>'
        yield f"<td class=number>{tally.rows:,}</td><td class=number>{f'{worse:,}' if worse else '–'}</td>"
        if has_times:
            mean = tally.mean_ms
            yield f"<td class=number>{'–' if mean is None else _milliseconds(mean)}</td>"
        yield "</tr>"
    yield "</tbody></table></div>"
    if len(tallies) > len(ranked):
        yield f"<p class=quiet>The {len(ranked)} with the most rows of {len(tallies):,}.</p>"
    yield "</section>\n"


def _milliseconds(value: float) -> str:
    return f"{value / 1000:,.1f} s" if value >= 1000 else f"{value:,.0f} ms"


def _incidents(figures: Figures) -> Iterator[str]:
    yield "<section><h2>Blocked, failed, warned of</h2>"
    if not figures.incidents:
        yield "<p class=quiet>None.</p></section>\n"
        return
    if figures.incident_count > len(figures.incidents):
        yield f"<p class=quiet>The last {len(figures.incidents)} of {figures.incident_count:,}.</p>"
    yield '<div class="scroll"><table class="incidents"><thead><tr><th>When</th><th>Outcome</th>'
    for name in ("Event", "Tool", "Host or target", "Error", "Session", "Row"):
        yield f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for one in reversed(figures.incidents):
        yield from _incident(one)
    yield "</tbody></table></div></section>\n"


def _incident(one: Incident) -> Iterator[str]:
    yield f'<tr><td class="mono when">{escape(_second(one.ts))}</td>'
    yield f'<td><span class="tag {one.kind}">{_WORDS[one.kind]}</span></td>'
    for value in (one.event, one.tool, one.where, one.error, one.session):
        yield f"<td{' class=long' if len(value) > 24 else ''}>{escape(value)}</td>"
    yield f"<td class=mono>{escape(one.file)}:{one.line}</td></tr>"


def _second(ts: str) -> str:
    """A moment without its fraction, where it is written in the usual way."""
    return ts[:19].replace("T", " ") if ts[19:].startswith(".") and ts.endswith("Z") else ts


def _footer(figures: Figures) -> Iterator[str]:
    yield f"<footer><p>{figures.files:,} {plural(figures.files, 'file')}."
    verdict = figures.verdict
    if verdict is not None and verdict.trail_id:
        yield f" Trail <code>{escape(verdict.trail_id)}</code>."
    yield "</p>"
    if verdict is not None and verdict.anchor:
        yield f"<p>Anchor <code>{escape(verdict.anchor)}</code>. Kept where the log's writer cannot "
        yield "change it and given to <code>audit verify --anchor</code>, it shows later that nothing up to "
        yield "here was taken away.</p>"
    yield "</footer>\n"
