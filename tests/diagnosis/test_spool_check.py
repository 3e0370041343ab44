# SPDX-License-Identifier: Apache-2.0
"""`diagnose` when `spool_dir` is set: what waits, what was given up, whether it can be written."""

from __future__ import annotations

import pytest
from support.mounts import remount, tmpfs
from support.spools import Books, Process, files, request, spool

from telemetry.diagnosis.spool import check_spool

NOW_NS = 1_790_000_000 * 10**9


@pytest.fixture
def look():
    def look(spool_dir):
        answers = check_spool(spool_dir, lambda: NOW_NS)
        return [answer.finding("spool") for answer in answers]

    return look


def test_doctor_looks_at_the_spool(settings, tmp_path):
    from telemetry.diagnosis import diagnose

    findings = diagnose(settings(exporter="otlp", spool_dir=tmp_path))
    spoken = [next(findings) for _ in range(3)]
    assert [(finding.check, finding.headline) for finding in spoken[1:]] == [
        ("spool", "the spool can be written"),
        ("spool", "nothing waits in the spool"),
    ]


def test_a_spool_that_is_not_made_yet_is_empty_and_stays_unmade(look, tmp_path):
    spool_dir = tmp_path / "later" / "spool"
    writable, empty = look(spool_dir)
    assert writable.message == f"the spool can be written: {spool_dir}"
    assert empty.headline == "nothing waits in the spool"
    assert list(tmp_path.iterdir()) == []


def test_what_waits_is_told_with_its_age(look, tmp_path):
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, Books())
    for seconds in (300, 10):
        queue.put(request(b"x" * 100, records=4, created_ns=NOW_NS - seconds * 10**9))
    one.close()
    _, waits = look(tmp_path)
    assert waits.outcome == "warning"
    assert waits.message == (
        f"data waits in the spool: 8 records, 312 B, the oldest 5m old, in {tmp_path}; "
        "no process that wrote them still runs"
    )


def test_what_belongs_to_a_running_process_is_not_called_orphaned(look, tmp_path):
    code = """
    one = spool(sys.argv[1])
    one.queue("logs", 10**6, books).put(request(b"x", records=4))
    say("written")
    sys.stdin.readline()
    """
    with Process(code, tmp_path / "otlp") as process:
        process.hear()
        _, waits = look(tmp_path)
    assert "no process" not in waits.message


def test_dead_letters_and_damaged_files_are_findings(look, tmp_path):
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, Books())
    queue.put(request(records=4))
    queue.bury(queue.peek(), "refused", "400: no such field")
    queue.put(request(b"1234"))
    (tmp_path / "otlp" / files(tmp_path / "otlp")[0].name).write_bytes(b"damaged")
    queue.peek()
    one.close()
    _, _, letters, damaged = look(tmp_path)
    assert letters.message == (
        "the receiver refused data for good: 4 otlp logs records, refused; 400: no such field"
    )
    assert "kairos spool send --dead-letters" in letters.remedy
    assert damaged.message == f"damaged files were set aside: 1 file, 7 B in {tmp_path / 'otlp'}"


def test_a_full_disk_is_a_warning(look, tmp_path):
    with tmpfs(tmp_path / "disk", "16k") as disk:
        (disk / "ballast").write_bytes(b"x" * 16_384)
        blocked, _ = look(disk)
    assert blocked.outcome == "warning"
    assert blocked.headline == "the spool cannot be written"
    assert "No space left on device" in blocked.message


@pytest.mark.parametrize("name", [".", "later"])
def test_a_read_only_disk_is_a_warning(look, tmp_path, name):
    with tmpfs(tmp_path / "disk", "16k") as disk:
        remount(disk, "ro")
        blocked, _ = look(disk / name)
    assert blocked.headline == "the spool cannot be written"


def test_a_folder_that_others_may_write_into_is_a_warning(look, tmp_path):
    (tmp_path / "otlp").mkdir()
    (tmp_path / "otlp").chmod(0o777)
    (tmp_path / "something-else").mkdir(0o755)
    blocked, _ = look(tmp_path)
    assert blocked.message == (
        f"the spool cannot be written: {tmp_path / 'otlp'} (other users may write into it)"
    )
    assert (tmp_path / "something-else").stat().st_mode & 0o777 == 0o755


def test_a_directory_that_cannot_be_listed_is_said_once(look, tmp_path, monkeypatch):
    def fail(spool_dir):
        raise PermissionError(13, "Permission denied", str(spool_dir))

    monkeypatch.setattr("telemetry.diagnosis.spool.survey", fail)
    (finding,) = look(tmp_path)
    assert finding.check == "spool"


def test_a_platform_without_file_locks_is_a_warning(look, tmp_path, monkeypatch):
    monkeypatch.setattr("telemetry.diagnosis.spool.find_spec", lambda name: None)
    (finding,) = look(tmp_path)
    assert finding.message == f"the spool cannot be written: {tmp_path} (this platform has no file locks)"
