# SPDX-License-Identifier: Apache-2.0
"""Many processes write one trail while it rotates, is followed, and the receiver dies: every row arrives."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from support.audit_exports import Exporter, export
from support.audit_trails import KEYS, SECRET, proof
from support.json_receiver import KillableReceiver
from support.ports import free_port
from support.waiting import wait_for

from telemetry.audit.files import trail_files

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from telemetry.audit import AuditTrail
log, writer, rows, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
with AuditTrail(log, key=SECRET, max_bytes=size, fsync="off") as trail:
    for number in range(rows):
        trail.append("tool_use", tool="Write", session_id=f"s{writer}", n=number, duration_ms=number)
""".replace("SECRET", repr(SECRET))


@pytest.mark.parametrize(
    ("rows", "outage_s", "file_bytes"),
    [(4_000, 0.5, 100_000), pytest.param(100_000, 5.0, 2_000_000, marks=pytest.mark.long)],
)
def test_every_row_of_eight_writers_arrives_exactly_once(
    tmp_path: Path, rows: int, outage_s: float, file_bytes: int
) -> None:
    log = tmp_path / "audit.jsonl"
    with (
        KillableReceiver(free_port(), tmp_path / "received") as receiver,
        Exporter(log, receiver.endpoint) as exporter,
    ):
        arguments = [str(rows // 8), str(file_bytes)]
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(log), str(number), *arguments])
            for number in range(8)
        ]
        try:
            for _ in range(2):
                enough = len(receiver.ids()) + 1
                wait_for(lambda enough=enough: len(receiver.ids()) >= enough, 60, "spans at the receiver")
                receiver.kill()
                time.sleep(outage_s)  # the outage that the test is about
                receiver.start()
            assert [writer.wait(300) for writer in writers] == [0] * 8
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()
        wait_for(lambda: len(set(receiver.ids())) >= rows, 300, "all spans at the receiver")
        assert exporter.stop() == 0
    verdict = proof(log)
    assert (verdict.findings, verdict.rows) == ([], rows)
    assert len(trail_files(log)) > 4
    expected = {span["spanId"] for span in export(log, key_ring=KEYS).spans}
    assert len(expected) == rows
    assert set(receiver.ids()) == expected
    assert f"{rows} rows read, {rows} delivered" in exporter.said


def test_exporters_that_are_killed_at_any_moment_lose_and_invent_nothing(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    rows = 1500
    with KillableReceiver(free_port(), tmp_path / "received") as receiver:
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(log), "0", str(rows), "30000"])
        try:
            for turn in range(6):
                enough = min(len(receiver.ids()) + 1, rows)
                with Exporter(log, receiver.endpoint, batch=16) as exporter:
                    wait_for(lambda enough=enough: len(receiver.ids()) >= enough, what="progress")
                    time.sleep(0.003 * turn)  # another moment each time
                    exporter.kill()
            assert writer.wait(60) == 0
        finally:
            writer.kill()
            writer.wait()
        with Exporter(log, receiver.endpoint) as exporter:
            wait_for(lambda: len(set(receiver.ids())) >= rows, 30, "all spans at the receiver")
            assert exporter.stop() == 0
        expected = {span["spanId"] for span in export(log).spans}
        assert set(receiver.ids()) == expected
        assert len(expected) == rows
        assert len(receiver.ids()) <= rows + 7 * 16  # a batch whose answer was lost is repeated, no more


def test_an_exporter_that_is_asked_to_end_while_nobody_listens_says_what_it_did_not_deliver(
    tmp_path: Path,
) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text('{"event":"a"}\n')
    with Exporter(log, f"http://127.0.0.1:{free_port()}") as exporter:
        assert exporter._process.stderr is not None
        said = exporter._process.stderr.readline()
        assert b"trying again" in said
        assert exporter.stop() == 1
    assert "1 span is not delivered, the next run goes on with it" in exporter.said
