# SPDX-License-Identifier: Apache-2.0
"""Many writers of one trail: threads, processes, forks, signal handlers, and those that die."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from support.audit_trails import SECRET, proof, rows_of, write
from support.waiting import wait_for

import telemetry
from telemetry.audit import AuditError, AuditTrail

ROOT = Path(telemetry.__file__).parents[1]


def start(code, *arguments):
    # Without coverage: what is measured here is what happens when processes run side by side.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment |= {"PYTHONPATH": str(ROOT), "KAIROS_AUDIT_KEY": SECRET}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, err
    return out


def all_rows(log):
    return rows_of(*sorted(log.parent.glob("audit-*.jsonl")), log)


def check(log, rows):
    verdict = proof(log)
    assert (verdict.findings, verdict.rows) == ([], rows)
    assert [row["seq"] for row in all_rows(log)] == list(range(1, rows + 1))


def test_many_threads_write_one_trail(tmp_path):
    with AuditTrail(tmp_path / "audit.jsonl", SECRET, max_bytes=20_000) as trail:
        threads = [
            threading.Thread(target=lambda: [trail.append("x", n=n) for n in range(50)]) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    check(trail.path, 400)


def test_closing_while_others_write_breaks_nothing(tmp_path):
    trail = AuditTrail(tmp_path / "audit.jsonl", SECRET, fsync="off")
    threads = [threading.Thread(target=lambda: [trail.append("x") for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        trail.close()
    check(trail.path, 400)


def test_closing_leaves_no_file_open(tmp_path):
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    with AuditTrail(tmp_path / "audit.jsonl", SECRET, fsync="off") as trail:
        for _ in range(3):
            trail.append("x")
            trail.rotate()
    assert {path.name for path in Path("/proc/self/fd").iterdir()} == before


WRITER = """
    import sys
    from telemetry.audit import AuditTrail
    with AuditTrail(sys.argv[1], max_bytes=30_000, fsync="off") as trail:
        for number in range(int(sys.argv[2])):
            trail.append("x", writer=sys.argv[3], number=number)
"""


def test_many_processes_write_one_trail_that_is_verified_meanwhile(tmp_path):
    log = tmp_path / "audit.jsonl"
    processes = [start(WRITER, log, 400, number) for number in range(4)]
    wait_for(log.exists, what="the log")
    while any(process.poll() is None for process in processes):
        verdict = proof(log)
        assert verdict.findings == []
    for process in processes:
        finish(process)
    check(log, 1600)
    rows = all_rows(log)
    for writer in "0123":
        assert [row["number"] for row in rows if row["writer"] == writer] == list(range(400))
    assert proof(log).files > 5


def test_a_child_that_is_forked_while_others_append_writes_on(tmp_path):
    code = """
        import os, sys, threading, warnings
        warnings.simplefilter("ignore")
        from telemetry.audit import AuditTrail
        trail = AuditTrail(sys.argv[1], fsync="off", max_bytes=4000)
        is_over = threading.Event()
        counts = [0, 0, 0]
        def work(index):
            while not is_over.is_set():
                trail.append("x", by="parent")
                counts[index] += 1
        threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
        for thread in threads: thread.start()
        for number in range(40):
            child = os.fork()
            if child == 0:
                trail.append("x", by="child")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        is_over.set()
        for thread in threads: thread.join()
        print(sum(counts))
    """
    log = tmp_path / "audit.jsonl"
    written = int(finish(start(code, log)))
    check(log, written + 40)
    assert sum(row["by"] == "child" for row in all_rows(log)) == 40


def test_a_child_does_not_hold_the_lock_of_a_parent_that_was_killed_in_its_middle(tmp_path):
    code = """
        import os, signal, sys, time
        from telemetry.audit import AuditTrail
        trail = AuditTrail(sys.argv[1], fsync="off")
        with trail._lock:
            if os.fork() == 0:
                time.sleep(60)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    log = tmp_path / "audit.jsonl"
    process = start(code.replace("time.sleep(60)", "print(os.getpid(), flush=True); time.sleep(60)"), log)
    child = int(process.stdout.readline())
    process.wait()
    try:
        with AuditTrail(log, SECRET) as trail:
            trail.append("x")
    finally:
        os.kill(child, signal.SIGKILL)
    process.communicate()
    assert proof(log).rows == 1


def test_a_signal_handler_may_append_in_the_middle_of_an_append(tmp_path):
    code = """
        import signal, sys
        from telemetry.audit import AuditTrail
        trail = AuditTrail(sys.argv[1], fsync="off", max_bytes=20_000)
        handled = 0
        def handler(*_):
            global handled
            trail.append("x", by="handler")
            handled += 1
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
        for number in range(1500):
            trail.append("x", number=number)
        signal.setitimer(signal.ITIMER_REAL, 0)
        trail.append("x", by="end")
        print(handled)
    """
    log = tmp_path / "audit.jsonl"
    handled = int(finish(start(code, log)))
    assert handled > 10
    check(log, 1501 + handled)
    assert [row["number"] for row in all_rows(log) if "number" in row] == list(range(1500))


class Interrupting(AuditTrail):
    """Calls back in the middle of an append, as a signal handler may."""

    interruption = None

    def append(self, event, /, **fields):
        inner = self._file.append
        if self.interruption is not None:
            act, self.interruption = self.interruption, None

            def append(row, now_ns):
                self._file.append = inner
                act()
                inner(row, now_ns)

            self._file.append = append
        try:
            super().append(event, **fields)
        finally:
            self._file.append = inner


def test_a_row_of_an_interruption_follows_the_interrupted_one(tmp_path):
    trail = Interrupting(tmp_path / "audit.jsonl", SECRET)
    trail.interruption = lambda: AuditTrail.append(trail, "inner")
    trail.append("outer")
    assert [row["event"] for row in rows_of(trail.path)] == ["outer", "inner"]


def test_closing_in_an_interruption_waits_for_the_interrupted_append(tmp_path):
    trail = Interrupting(tmp_path / "audit.jsonl", SECRET)
    trail.interruption = trail.close
    trail.append("outer")
    assert trail._file._log == -1
    trail.append("later")
    check(trail.path, 2)


def test_rows_of_an_interruption_are_written_although_the_interrupted_one_fails(tmp_path):
    trail = Interrupting(tmp_path / "audit.jsonl", SECRET)

    def act():
        AuditTrail.append(trail, "inner")
        raise OSError(5, "Input/output error")

    trail.interruption = act
    with pytest.raises(AuditError, match="could not be written: Input/output error"):
        trail.append("outer")
    assert [row["event"] for row in rows_of(trail.path)] == ["inner"]


def test_a_signal_in_the_last_moment_of_the_lock_is_not_forgotten(tmp_path):
    trail = AuditTrail(tmp_path / "audit.jsonl", SECRET)
    do_all, calls = trail._do_all, []

    def late(turn, errors):
        do_all(turn, errors)
        if not calls:
            calls.append(1)
            trail.append("late")

    trail._do_all = late
    trail.append("first")
    assert [row["event"] for row in rows_of(trail.path)] == ["first", "late"]


def test_a_lock_file_that_was_removed_does_not_let_two_write_at_once(tmp_path):
    one = AuditTrail(tmp_path / "audit.jsonl", SECRET)
    one.append("x")
    (tmp_path / "audit.jsonl.lock").unlink()
    two = AuditTrail(tmp_path / "audit.jsonl", SECRET)
    with two._lock:
        waiting = threading.Thread(target=one.append, args=("x",))
        waiting.start()
        wait_for(lambda: one._lock._turn.depth == 1)
        wait_for(lambda: one._lock._turn.identity == two._lock._turn.identity)
        assert len(rows_of(one.path)) == 1
    waiting.join()
    check(one.path, 2)


# -- writers that die --------------------------------------------------------------------------


def test_writers_that_are_killed_at_any_moment_leave_a_trail_that_goes_on(tmp_path):
    code = """
        import sys
        from telemetry.audit import AuditTrail
        trail = AuditTrail(sys.argv[1], fsync="off", max_bytes=1500)
        print("ready", flush=True)
        while True:
            trail.append("x", target="y" * 50)
    """
    log = tmp_path / "audit.jsonl"
    chance = random.Random(5)
    for _ in range(12):
        process = start(code, log)
        assert process.stdout.readline() == "ready\n"
        threading.Event().wait(chance.random() * 0.03)
        process.kill()
        process.communicate()
        verdict = proof(log)
        assert verdict.findings == []
    with AuditTrail(log, SECRET) as trail:
        trail.append("end")
    rows = all_rows(log)
    check(log, len(rows))
    assert len(rows) > 50


def test_a_row_behind_the_head_is_taken_in(tmp_path):
    log, seal = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.seal"
    with AuditTrail(log, SECRET) as trail:
        trail.append("one")
        before = seal.read_bytes()
        trail.append("two")
    seal.write_bytes(before)
    verdict = proof(log)
    assert [str(note) for note in verdict.notes] == [
        "audit.jsonl:2: 1 row stands behind the sealed head: being written just now, or the writer died"
    ]
    assert verdict.rows == 2
    AuditTrail(log, SECRET).append("three")
    check(log, 3)
    assert proof(log).notes == []


def test_half_a_row_is_removed_and_leaves_a_trace(tmp_path):
    log = write(tmp_path / "audit.jsonl", 2)[0]
    with log.open("a") as file:
        file.write('{"event":"half')
    assert proof(log).is_intact
    assert len(proof(log).notes) == 1
    AuditTrail(log, SECRET).append("x")
    rows = rows_of(log)
    assert [row["event"] for row in rows] == ["tool_use", "tool_use", "audit.recovered", "x"]
    assert rows[2]["torn_bytes"] == 14
    check(log, 4)


STEPS = ["head closed", "log renamed", "its head put", "next head put", "next log begun"]


class Died(BaseException):
    pass


def rotate_until(log, step, monkeypatch):
    """Rotates a trail of two rows and dies after a step."""
    from telemetry.audit.writing import live_file

    trail = AuditTrail(log, SECRET, fsync="off")
    trail.append("one")
    trail.append("two")
    puts = []

    def die(*_, **__):
        raise Died

    def put(*arguments, **options):
        if len(puts) == {"log renamed": 0, "its head put": 1}.get(step):
            raise Died
        puts.append(1)
        original(*arguments, **options)

    original = live_file.put_head
    with monkeypatch.context() as patch:
        if step == "head closed":
            patch.setattr(Path, "rename", die)
        elif step == "next head put":
            patch.setattr(trail._file, "_open", die)
        elif step != "next log begun":
            patch.setattr(live_file, "put_head", put)
        try:
            trail.rotate()
        except Died:
            pass
        else:
            assert step == "next log begun"


@pytest.mark.parametrize("step", STEPS)
def test_a_rotation_that_was_not_finished_is_no_finding_and_is_finished(tmp_path, monkeypatch, step):
    log = tmp_path / "audit.jsonl"
    rotate_until(log, step, monkeypatch)
    verdict = proof(log)
    assert (verdict.findings, verdict.rows) == ([], 2)
    is_noted = any("is about to become" in str(note) for note in verdict.notes)
    assert is_noted == (step in STEPS[:3])
    with AuditTrail(log, SECRET, fsync="off") as trail:
        trail.append("three")
    check(log, 3)
    assert proof(log).notes == []
    assert len(list(tmp_path.iterdir())) == 5
    assert rows_of(log)[0]["event"] == "three"


@pytest.mark.parametrize("step", STEPS)
def test_a_running_writer_finishes_the_rotation_of_one_that_died(tmp_path, monkeypatch, step):
    log = tmp_path / "audit.jsonl"
    with AuditTrail(log, SECRET, fsync="off") as running:
        running.append("zero")
        rotate_until(log, step, monkeypatch)
        running.append("three")
    check(log, 4)


def test_a_rotation_overwrites_no_file(tmp_path, monkeypatch):
    log = tmp_path / "audit.jsonl"
    rotate_until(log, "head closed", monkeypatch)
    name = next(iter(proof(log).notes)).problem.split()[4].rstrip(":")
    (tmp_path / name).write_text("precious")
    with pytest.raises(AuditError, match=f"is to become {name}, which exists"):
        AuditTrail(log, SECRET)
    assert (tmp_path / name).read_text() == "precious"


def test_a_first_head_that_was_not_finished_is_made_again(tmp_path):
    (tmp_path / "audit.jsonl.seal.new").write_bytes(b"half")
    with AuditTrail(tmp_path / "audit.jsonl", SECRET) as trail:
        trail.append("x")
    check(trail.path, 1)
    assert not (tmp_path / "audit.jsonl.seal.new").exists()


def test_a_head_that_cannot_be_written_takes_its_row_back(tmp_path, monkeypatch):
    trail = AuditTrail(tmp_path / "audit.jsonl", SECRET)
    trail.append("x")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *_: 10)
        with pytest.raises(AuditError, match="No space left on device"):
            trail.append("lost")
    trail.append("y")
    check(trail.path, 2)


def test_a_short_write_of_a_first_head_leaves_none(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda *_: 10)
        with pytest.raises(AuditError, match="No space left on device"):
            AuditTrail(tmp_path / "audit.jsonl", SECRET)
    AuditTrail(tmp_path / "audit.jsonl", SECRET).append("x")
    check(tmp_path / "audit.jsonl", 1)


def test_a_platform_without_flock_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(AuditError, match="writing an audit trail needs flock"):
        AuditTrail(tmp_path / "audit.jsonl", SECRET)
