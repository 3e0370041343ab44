# SPDX-License-Identifier: Apache-2.0
"""A log is followed through everything that can happen to its files, row by row, once each."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest
from support.audit_exports import Exporter, value_of
from support.audit_trails import SECRET
from support.json_receiver import spans_in
from support.waiting import wait_for

from telemetry.audit import AuditTrail
from telemetry.audit.exporting.summary import Summary
from telemetry.audit.reading import rotation
from telemetry.audit.reading.follow import Log
from telemetry.audit.reading.stopping import Stop

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.audit.reading.log_files import Identity, LogFile


class Followed:
    """A log that is looked at when the test says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[str] = []
        self.summary = Summary(self.said.append)
        self.log = Log(path, None, self.summary)

    def look(self) -> list[int]:
        """The numbers of the rows that are new."""
        return [
            json.loads(line)["n"]
            for chunk in self.log.available(Stop())
            for line in chunk.lines
            if not chunk.problem
        ]

    def resumed(self) -> Followed:
        """The same log after a restart."""
        other = Followed(self.path)
        assert self.log._file is not None
        other.log = Log(self.path, self.log._file.here(), other.summary)
        self.log.close()
        return other


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path / "audit.jsonl")


def rows(*numbers: int, pad: int = 0) -> str:
    return "".join(json.dumps({"event": "e", "n": n, "pad": "x" * pad}) + "\n" for n in numbers)


def add(path: Path, *numbers: int, pad: int = 0) -> None:
    with path.open("a") as file:
        file.write(rows(*numbers, pad=pad))


def logrotate(path: Path, *, most: int = 9) -> None:
    """Renames as logrotate does: the higher the number, the older."""
    for number in range(most, 0, -1):
        old = path.with_name(f"{path.name}.{number}")
        if old.exists():
            old.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))


def copytruncate(path: Path) -> None:
    for number in range(9, 0, -1):
        old = path.with_name(f"{path.name}.{number}")
        if old.exists():
            old.rename(path.with_name(f"{path.name}.{number + 1}"))
    shutil.copy(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)


def test_a_log_that_does_not_exist_yet_is_waited_for(followed: Followed) -> None:
    assert followed.look() == []
    followed.path.touch()
    assert followed.look() == []
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    assert followed.look() == []


def test_half_a_line_is_waited_for(followed: Followed) -> None:
    add(followed.path, 1)
    text = rows(2)
    with followed.path.open("a", buffering=1) as file:
        file.write(text[:10])
        assert followed.look() == [1]
        file.write(text[10:])
        file.flush()
    assert followed.look() == [2]


def test_half_a_line_that_its_writer_takes_back_is_forgotten(followed: Followed) -> None:
    add(followed.path, 1)
    size = followed.path.stat().st_size
    with followed.path.open("a") as file:
        file.write(rows(2, pad=500)[:300])
    assert followed.look() == [1]
    os.truncate(followed.path, size)
    assert followed.look() == []
    add(followed.path, 3)
    assert followed.look() == [3]
    assert followed.said == []


def test_rows_before_and_after_a_renaming_are_read_once(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    add(followed.path, 2)
    logrotate(followed.path)
    assert followed.look() == [2]
    add(followed.path.with_name("audit.jsonl.1"), 3)  # by a writer that has not noticed yet
    assert followed.look() == [3]
    add(followed.path, 4)
    assert followed.look() == [4]
    assert followed.said == []


def test_several_rotations_between_two_looks_are_followed(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    for number in range(2, 8):
        add(followed.path, number)
        logrotate(followed.path)
    add(followed.path, 8)
    assert followed.look() == [2, 3, 4, 5, 6, 7, 8]
    assert followed.said == []


def test_dated_files_are_followed(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    for day in (14, 15, 16):
        add(followed.path, day)
        followed.path.rename(followed.path.with_name(f"audit.jsonl-202604{day}"))
    add(followed.path, 17)
    assert followed.look() == [14, 15, 16, 17]


def test_our_writers_rotation_is_followed(followed: Followed) -> None:
    seen: list[int] = []
    with AuditTrail(followed.path, key=SECRET, max_bytes=700, fsync="off") as trail:
        for number in range(60):
            trail.append("e", n=number)
            if number % 17 == 0:
                seen += followed.look()
    assert seen + followed.look() == list(range(60))
    assert followed.said == []


def test_a_truncation_is_a_finding(followed: Followed) -> None:
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    os.truncate(followed.path, 0)
    assert followed.look() == []
    add(followed.path, 3)
    assert followed.look() == [3]
    assert followed.said == followed.summary.findings
    assert "audit.jsonl: the file was truncated or rewritten after row 2" in followed.said[0]


def test_a_truncation_after_which_the_file_is_longer_than_before_is_noticed(followed: Followed) -> None:
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    followed.path.write_text(rows(3, 4, 5, 6))
    assert followed.look() == [3, 4, 5, 6]
    assert len(followed.summary.findings) == 1


def test_older_files_are_not_read_again_after_a_truncation(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    logrotate(followed.path)
    add(followed.path, 2)
    assert followed.look() == [2]
    os.truncate(followed.path, 0)
    assert followed.look() == []
    add(followed.path, 3)
    assert followed.look() == [3]


def test_older_files_that_were_never_read_are_not_read_after_a_truncation(followed: Followed) -> None:
    add(followed.path.with_name("audit.jsonl.1"), 99)
    add(followed.path, 1)
    assert followed.look() == [1]
    os.truncate(followed.path, 0)
    assert followed.look() == []
    add(followed.path, 2)
    assert followed.look() == [2]


def test_rows_that_are_appended_while_the_next_file_is_looked_for_are_read(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    look, late = followed.log._following, [(2, 3)]

    def slow(file: LogFile) -> LogFile | None:
        found = look(file)
        if found is not None and late:
            add(followed.path.with_name("audit.jsonl.1"), *late.pop())
        return found

    monkeypatch.setattr(followed.log, "_following", slow)
    logrotate(followed.path)
    add(followed.path, 4)
    assert followed.look() == [2, 3, 4]


def test_a_file_that_is_renamed_and_then_truncated_is_left_for_the_next_one(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    look = followed.log._following

    def slow(file: LogFile) -> LogFile | None:
        found = look(file)
        os.truncate(followed.path.with_name("audit.jsonl.1"), 0)
        return found

    monkeypatch.setattr(followed.log, "_following", slow)
    logrotate(followed.path)
    add(followed.path, 3)
    assert followed.look() == [3]


def test_files_that_are_renamed_while_they_are_listed_are_listed_again(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    add(followed.path, 2)
    listed, turns = rotation._listed, [4, 5]

    def busy(live: Path) -> list[tuple[Path, Identity]]:
        found = listed(live)
        if turns:
            logrotate(followed.path)
            add(followed.path, turns.pop(0))
        return found

    monkeypatch.setattr(rotation, "_listed", busy)
    logrotate(followed.path)
    add(followed.path, 3)
    assert followed.look() == [2, 3, 4, 5]


def test_rows_that_were_copied_before_a_truncation_are_read_from_the_copy(followed: Followed) -> None:
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    add(followed.path, 3, 4)
    copytruncate(followed.path)
    add(followed.path, 5)
    copytruncate(followed.path)
    add(followed.path, 6)
    assert followed.look() == [3, 4, 5, 6]
    assert "audit.jsonl.2 is a copy of what it had" in followed.summary.findings[0]


def test_a_file_that_is_removed_is_read_to_its_end_and_named(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    add(followed.path, 2)
    followed.path.unlink()
    assert followed.look() == [2]
    add(followed.path, 3)
    assert followed.look() == [3]
    assert followed.summary.findings == [
        "audit.jsonl: the file was removed while it was read; went on with audit.jsonl"
    ]


def test_the_end_of_a_file_that_was_never_completed_is_named_or_read(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    with followed.path.open("a") as file:
        file.write('{"event": "e", "n"')
    logrotate(followed.path)
    add(followed.path, 2)
    assert followed.look() == [2]
    assert followed.said == ["audit.jsonl:2: was never completed"]
    with followed.path.open("a") as file:
        file.write(rows(3).strip())
    logrotate(followed.path)
    add(followed.path, 4)
    assert followed.look() == [3, 4]


def test_other_files_beside_the_log_are_not_taken_for_its_own(followed: Followed) -> None:
    for name in (
        "audit.jsonl.gz",
        "audit.jsonl.1.gz",
        "audit.jsonl.export.json",
        "audit.jsonl.seal",
        "audit.jsonl.bak",
    ):
        add(followed.path.with_name(name), 99)
    add(followed.path, 1)
    assert followed.look() == [1]
    logrotate(followed.path)
    add(followed.path, 2)
    assert followed.look() == [2]


# -- after a restart -----------------------------------------------------------------------


def test_a_restart_goes_on_behind_the_last_row(followed: Followed) -> None:
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    add(followed.path, 3)
    assert followed.resumed().look() == [3]


def test_a_restart_finds_the_file_under_its_new_name(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    for number in (2, 3, 4):
        add(followed.path, number)
        logrotate(followed.path)
    again = followed.resumed()
    assert again.look() == [2, 3, 4]
    add(followed.path, 5)
    assert again.look() == [5]
    assert again.said == []


def test_a_restart_notices_a_truncation(followed: Followed) -> None:
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    followed.path.write_text(rows(3))
    again = followed.resumed()
    assert again.look() == [3]
    assert "the file was truncated or rewritten since it was read up to byte" in again.summary.findings[0]


def test_a_restart_notices_another_file_with_the_same_number(followed: Followed) -> None:
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    text = rows(7, 8, 9)
    with followed.path.open("r+") as file:  # the same inode, other rows
        file.write(text)
    again = followed.resumed()
    assert again.look() == [7, 8, 9]
    assert len(again.summary.findings) == 1


def test_a_restart_notices_other_rows_behind_the_same_first_one(followed: Followed) -> None:
    add(followed.path, 1, 2)
    assert followed.look() == [1, 2]
    followed.path.write_text(rows(1, 7, 8, 9))
    again = followed.resumed()
    assert again.look() == [1, 7, 8, 9]
    assert "was truncated or rewritten" in again.summary.findings[0]


def test_a_restart_finds_the_copy_of_a_truncated_file(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    add(followed.path, 2)
    copytruncate(followed.path)
    add(followed.path, 3)
    assert followed.resumed().look() == [2, 3]


def test_a_restart_without_the_file_goes_on_with_later_ones(followed: Followed) -> None:
    add(followed.path, 0)
    assert followed.look() == [0]
    logrotate(followed.path)
    add(followed.path, 1)
    assert followed.look() == [1]
    long_ago = time.time() - 3600
    os.utime(followed.path.with_name("audit.jsonl.1"), (long_ago, long_ago))
    logrotate(followed.path)
    position = followed.path.with_name("audit.jsonl.1")
    add(followed.path, 2)
    logrotate(followed.path)
    add(followed.path, 3)
    again = followed.resumed()
    position.with_name("audit.jsonl.2").unlink()
    assert again.look() == [2, 3]
    assert "is not there any more since it was read" in again.summary.findings[0]


def test_a_restart_waits_for_files_that_are_gone(followed: Followed) -> None:
    add(followed.path, 1)
    assert followed.look() == [1]
    again = followed.resumed()
    followed.path.rename(followed.path.with_name("elsewhere"))
    assert again.look() == []
    followed.path.with_name("elsewhere").rename(followed.path)
    add(followed.path, 2)
    assert again.look() == [2]
    assert again.said == []


# -- processes -----------------------------------------------------------------------------


@pytest.mark.alone
def test_a_followed_log_comes_out_within_a_fifth_of_a_second_and_ends_cleanly(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    waits = []
    with Exporter(log) as exporter:
        add(log, 0)
        exporter.line()
        for number in range(1, 8):
            began = time.monotonic()
            add(log, number)
            (span,) = spans_in(json.loads(exporter.line()))
            waits.append(time.monotonic() - began)
            assert value_of(span, "audit.n") == str(number)
        assert exporter.stop() == 0
    assert "8 rows read" in exporter.said
    assert sorted(waits)[len(waits) // 2] < 0.2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_export_that_waits_for_its_log(tmp_path: Path, number: int) -> None:
    with Exporter(tmp_path / "audit.jsonl") as exporter:
        wait_for(lambda: catches(exporter.pid, number), what="the handler")
        assert exporter.stop(number) == 0
    assert exporter.said == "0 rows read\n"


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal, of Python's or its own."""
    try:
        with open(f"/proc/{pid}/status") as file:  # noqa: PTH123  # no path of ours
            mask = next(line.split()[1] for line in file if line.startswith("SigCgt"))
        return bool(int(mask, 16) >> (number - 1) & 1) and bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)
    except OSError:
        return False


def test_an_idle_follower_costs_next_to_nothing(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    add(log, 1)
    with Exporter(log) as exporter:
        exporter.line()

        def ticks() -> int:
            with open(f"/proc/{exporter.pid}/stat") as file:  # noqa: PTH123  # no path of ours
                fields = file.read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        before, began = ticks(), time.monotonic()
        time.sleep(1)
        spent = (ticks() - before) / os.sysconf("SC_CLK_TCK")
        assert spent < 0.1 * (time.monotonic() - began)
        assert exporter.stop() == 0
