# SPDX-License-Identifier: Apache-2.0
"""Looking at a spool from outside, and throwing away what is in it."""

from __future__ import annotations

import os

import pytest
from support.spools import Books, Process, files, request, spool

from telemetry.spool.clearing import Choice, clear
from telemetry.spool.report import age, as_facts, as_lines, size
from telemetry.spool.stored import HEADER_SIZE
from telemetry.spool.survey import left_records, survey

NOW_NS = 1_790_000_000 * 10**9


@pytest.fixture
def folder(tmp_path):
    """A spool with two waiting requests, a dead letter and a damaged file, all of processes that are gone."""
    one = spool(tmp_path / "spool" / "otlp")
    logs, traces = (one.queue(signal, 10**6, Books()) for signal in ("logs", "traces"))
    logs.put(request(b"12345", records=2, created_ns=NOW_NS - 90 * 10**9))
    logs.put(request(b"678", records=3, created_ns=NOW_NS - 10 * 10**9))
    for error in ("400: first\nline", "400: \x1b[31mlast"):
        traces.put(request(b"x" * 20, records=5, signal="traces", created_ns=NOW_NS))
        traces.bury(traces.peek(), "refused", error)
    traces.put(request(b"x" * 20, records=7, signal="traces", created_ns=NOW_NS))
    path = (
        one._keeper.folder / next(file for file in files(one._keeper.folder) if file.signal == "traces").name
    )
    path.write_bytes(b"y" * 30)
    traces.peek()
    one.close()
    return tmp_path / "spool" / "otlp"


def test_everything_is_counted(folder):
    (found,) = survey(folder.parent)
    assert found.exporter == "otlp"
    (row,) = found.waiting
    assert row == ("logs", 2, 5, 2 * HEADER_SIZE + 8, NOW_NS - 90 * 10**9, 0, 1)
    (letters,) = found.dead_letters
    assert letters[:4] == ("traces", "refused", 2, 10)
    assert letters.last_error == "400: \x1b[31mlast"
    assert (found.corrupt_files, found.corrupt_bytes) == (1, 30)


def test_a_look_changes_nothing(folder):
    def everything():
        return sorted((path, path.stat().st_mtime_ns) for path in folder.parent.rglob("*"))

    before = everything()
    survey(folder.parent)
    left_records(folder)
    assert everything() == before


def test_living_writers_are_told_from_dead_ones(folder):
    code = """
    one = spool(sys.argv[1])
    one.queue("logs", 10**6, books).put(request(b"x", records=4))
    say("written")
    sys.stdin.readline()
    """
    with Process(code, folder) as process:
        process.hear()
        (row,) = survey(folder.parent)[0].waiting
        assert (row.writers_alive, row.writers_gone) == (1, 1)
        assert left_records(folder) == (4, 5)


def test_a_directory_that_does_not_exist_is_empty(tmp_path):
    assert survey(tmp_path / "nowhere") == []
    assert as_lines([]) == []


def test_links_files_and_other_folders_are_left_out(folder):
    (folder.parent / "other").symlink_to(folder)
    (folder.parent / "file").write_text("")
    (folder.parent / "something-else").mkdir()
    assert [found.exporter for found in survey(folder.parent)] == ["otlp"]


def test_a_note_that_nobody_can_read_costs_its_reason_only(folder):
    for note in (folder / "dead-letters").glob("*.json"):
        note.write_bytes(b"[" * 20000)
    (letters,) = survey(folder.parent)[0].dead_letters
    assert letters[:4] == ("traces", "unknown", 2, 10)
    for note in (folder / "dead-letters").glob("*.json"):
        note.write_text("[1]")
    assert survey(folder.parent)[0].dead_letters[0].reason == "unknown"
    for note in (folder / "dead-letters").glob("*.json"):
        note.write_bytes(b" " * 70000)
    assert survey(folder.parent)[0].dead_letters[0].reason == "unknown"


def test_the_table_is_readable_and_shows_no_control_characters(folder):
    (folder.parent / "otlp-http").mkdir()
    (folder.parent / "otlp-http" / "limits.lock").write_bytes(b"")
    lines = as_lines(survey(folder.parent), lambda: NOW_NS)
    assert [line.split() for line in lines[:2]] == [
        ["EXPORTER", "SIGNAL", "STATE", "REQUESTS", "RECORDS", "SIZE", "OLDEST", "WRITERS", "ERROR"],
        ["otlp", "logs", "waiting", "2", "5", "120", "B", "90s", "0", "alive,", "1", "gone"],
    ]
    assert "dead letter (refused)" in lines[2]
    assert lines[2].endswith("400:  [31mlast")
    assert lines[3].split() == ["otlp", "damaged", "1", "30", "B"]
    assert lines[4].split() == ["otlp-http", "empty"]


def test_the_facts_are_plain_values(folder):
    (exporter,) = as_facts(folder.parent, survey(folder.parent), lambda: NOW_NS)["exporters"]
    assert exporter["waiting"] == [
        {
            "signal": "logs",
            "requests": 2,
            "records": 5,
            "bytes": 2 * HEADER_SIZE + 8,
            "writers_alive": 0,
            "writers_gone": 1,
            "oldest_age_s": 90.0,
        }
    ]
    assert exporter["dead_letters"][0]["reason"] == "refused"
    assert exporter["corrupt"] == {"files": 1, "bytes": 30}


@pytest.mark.parametrize(("seconds", "text"), [(-5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (200_000, "2d")])  # fmt: skip  # noqa: E501 - a table
def test_ages_are_short(seconds, text):
    assert age(seconds * 10**9) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (4200, "4.1 KiB"), (2**21, "2.0 MiB")]
)
def test_sizes_are_short(count, text):
    assert size(count) == text


def test_a_rehearsal_only_counts(folder):
    assert clear(folder, Choice(), is_rehearsal=True) == (2, 5)
    assert len(files(folder)) == 2


def test_what_waits_can_be_thrown_away(folder):
    assert clear(folder, Choice(), is_rehearsal=False) == (2, 5)
    assert files(folder) == []
    assert len(files(folder / "dead-letters")) == 2


def test_dead_letters_and_damaged_files_can_be_thrown_away(folder):
    assert clear(folder, Choice(has_dead_letters=True), is_rehearsal=False) == (3, 17)
    assert os.listdir(folder / "dead-letters") == os.listdir(folder / "corrupt") == []  # noqa: PTH208 - names
    assert len(files(folder)) == 2


def test_only_one_signal_can_be_thrown_away(folder):
    assert clear(folder, Choice(signal="traces"), is_rehearsal=False) == (0, 0)
    assert clear(folder, Choice(signal="logs"), is_rehearsal=False) == (2, 5)


def test_only_what_is_old_can_be_thrown_away(folder):
    assert clear(folder, Choice(older_than_s=60), is_rehearsal=False, now_ns=lambda: NOW_NS) == (1, 2)
    assert [file.records for file in files(folder)] == [3]
