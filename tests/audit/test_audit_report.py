# SPDX-License-Identifier: Apache-2.0
"""The page and the summary of a trail: what they say, and that nothing in them is run or loaded."""

from __future__ import annotations

import json
import os
import re
import stat
from html.parser import HTMLParser

import pytest
from support.audit_trails import KEYS, SECRET, Clock, write, write_hydra

from telemetry.audit import AuditError, AuditTrail, KeyRing, cli
from telemetry.audit.reporting.figures import figures_of
from telemetry.audit.reporting.page import as_html
from telemetry.audit.reporting.text import as_text
from telemetry.audit.reporting.timeline import Timeline

EVIL = "\"><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>'"
VOID = {"meta", "circle", "path", "line", "rect", "i"}


class Page(HTMLParser):
    """Elements and text; fails where tags do not match."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID - {"i"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


@pytest.fixture
def log(tmp_path):
    clock = Clock()
    with AuditTrail(tmp_path / "audit.jsonl", SECRET, now_ns=clock, fsync="off") as trail:
        for number in range(50):
            clock.forward(60)
            trail.append(
                "tool_use",
                tool="Bash" if number % 2 else "Read",
                session_id=f"s{number % 3}",
                duration_ms=number * 100,
                dest_host="example.com" if number % 10 == 0 else None,
                policy_outcome={7: "blocked", 8: "warn"}.get(number, "allowed"),
                error_type="TimeoutError" if number == 9 else None,
            )
        trail.append("tool_use", tool=EVIL, dest_host=EVIL, error_type=EVIL, target=EVIL, session_id=EVIL)
    return trail.path


def test_figures_are_those_of_the_rows(log):
    figures = figures_of(log, KEYS)
    assert (figures.rows, figures.files, figures.malformed, len(figures.sessions)) == (51, 1, 0, 4)
    assert figures.kinds == {"allowed": 47, "warn": 1, "failed": 2, "blocked": 1}
    assert (figures.tools["Bash"].rows, figures.tools["Bash"].longest_ms) == (25, 4900)
    assert figures.hosts["example.com"].rows == 5
    assert [(one.line, one.kind) for one in figures.incidents] == [
        *((8, "blocked"), (9, "warn"), (10, "failed"), (51, "failed")),
    ]
    json.dumps(figures.as_json())


def test_the_page_says_first_whether_the_trail_is_intact(log):
    page = Page(as_html(figures_of(log, KEYS)))
    assert "All 51 rows are as they were written: none was changed, removed or added later." in page.text
    log.write_text(log.read_text().replace('"duration_ms":300,', '"duration_ms":301,'))
    html = as_html(figures_of(log, KEYS))
    assert "1 place does not match what was written" in html
    assert (
        html.index("Not intact") < html.index("was changed: its hmac does not fit") < html.index("Outcomes")
    )
    assert "Not checked" in as_html(figures_of(log, None))


def test_a_log_of_hydra_is_not_called_more_than_it_is(tmp_path):
    write_hydra(tmp_path / "audit.jsonl", 3)
    html = as_html(figures_of(tmp_path / "audit.jsonl", KEYS))
    assert "Intact, as far as it can be proven" in html
    assert "Worth knowing" in html


def test_nothing_in_the_page_is_run_or_loaded(log):
    html = as_html(figures_of(log, KEYS))
    page = Page(html)
    assert not {"script", "img", "link", "iframe", "object", "a", "form", "base"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "href", "srcset")]
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    assert EVIL in page.text


def test_credentials_do_not_reach_the_page(tmp_path):
    log = tmp_path / "audit.jsonl"
    log.write_text(
        '{"event":"x","target":"Bearer abcdefgh1234","error_type":"E","tool":{"a":"sk-abcdefgh1234"}}\n'
    )
    html = as_html(figures_of(log, None))
    assert "abcdefgh" not in html
    assert "Bearer ***" in html


def test_the_page_of_a_large_log_stays_small(tmp_path):
    log = tmp_path / "audit.jsonl"
    with log.open("w") as file:
        for number in range(6000):
            row = {"event": f"e{number}", "tool": f"t{number}", "ts": number * 977, "error_type": "E" * 500}
            file.write(json.dumps({**row, "session_id": str(number)}) + "\n")
    figures = figures_of(log, KeyRing.of("x"))
    html = as_html(figures)
    assert len(html) < 400_000
    assert "The last 300 of 6,000." in html
    assert "The 12 with the most rows of 2,001." in html
    assert "(others)" in figures.tools
    assert len(figures.timeline.steps()) <= 96


def test_rows_of_any_kind_are_taken(tmp_path):
    log = tmp_path / "audit.jsonl"
    rows = ["{}", "[]", "x", "", '{"event":[1],"tool":{"a":1},"ts":"never","duration_ms":"soon"}']
    rows += [
        '{"event":"x","duration_ms":1e400,"ts":1e300,"policy_outcome":["blocked"]}',
        '{"duration_ms":true}',
    ]
    log.write_text("\n".join(rows))
    figures = figures_of(log, None)
    assert (figures.rows, figures.malformed) == (4, 2)
    Page(as_html(figures))


def test_an_empty_trail_has_a_page(tmp_path):
    AuditTrail(tmp_path / "audit.jsonl", SECRET).close()
    page = Page(as_html(figures_of(tmp_path / "audit.jsonl", KEYS)))
    assert "All 0 rows are as they were written" in page.text
    assert "rect" not in page.tags


def test_a_log_that_is_not_there_has_none(tmp_path):
    for keys in (None, KEYS):
        with pytest.raises(AuditError, match=r"^there is no audit (log|trail) "):
            figures_of(tmp_path / "missing", keys)
    with pytest.raises(AuditError, match="cannot be read: Is a directory"):
        figures_of(tmp_path, None)


def test_the_summary_says_the_same(log):
    text = "\n".join(as_text(figures_of(log, KEYS)))
    assert "audit.jsonl: Intact\n" in text
    assert "51 rows in 1 file, 4 sessions: 47 allowed, 1 warn, 2 failed, 1 blocked" in text
    assert re.search(r"\b25  Bash", text)
    assert "2026-04-15 14:24:00 to 2026-04-15 15:13:00 UTC" in text
    log.write_text(log.read_text() + "x\n")
    text = "\n".join(as_text(figures_of(log, KEYS)))
    assert "finding: audit.jsonl:52: is no JSON" in text
    assert "1 line is no row" in text


def test_the_command_writes_a_page_for_its_owner(log, monkeypatch, capsys):
    monkeypatch.setenv("KAIROS_AUDIT_KEY", SECRET)
    assert cli.main(["report", str(log)]) == 0
    page = log.with_name("audit.jsonl.html")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    Page(page.read_text())
    assert cli.main(["report", str(log), "--text"]) == 0
    assert cli.main(["report", str(log), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows"] == 51
    log.write_text(log.read_text()[:-3])
    assert cli.main(["report", str(log), "-o", os.devnull]) == 1


def test_a_report_of_several_files_reads_them_all(tmp_path):
    log = write(tmp_path / "audit.jsonl", 9, files=3)[-1]
    figures = figures_of(log, KEYS)
    assert (figures.rows, figures.files) == (9, 3)


def test_steps_of_time_widen_without_losing_anything():
    timeline = Timeline(("a", "b"))
    assert timeline.steps() == []
    moments = [0, 1, 50, 96, 4000, 90_000, 10**7, 10**9, 4 * 10**9]
    for count, second in enumerate(moments, 1):
        timeline.add(second * 10**9, "a" if second % 2 else "b")
        steps = timeline.steps()
        assert len(steps) <= 96
        assert sum(sum(counts.values()) for _, counts in steps) == count
    assert timeline.width_s % 86400 == 0
