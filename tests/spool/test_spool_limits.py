# SPDX-License-Identifier: Apache-2.0
"""The limits of a folder, with one writer and with many."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

import pytest
from support.spools import Books, Clock, Process, drain, files, request, spool

from telemetry.spool.stored import HEADER_SIZE, StoredFile


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "otlp"


def used(folder):
    """Bytes of everything but locks."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_the_oldest_go_when_there_are_too_many_files(folder, books):
    one = spool(folder, max_files=3)
    queue = one.queue("logs", 10**6, books)
    for number in range(5):
        queue.put(request(bytes([number]), records=number + 1))
    assert books == [("spool_full", 1, None, True), ("spool_full", 2, None, True)]
    assert [body for body, _ in drain(queue)] == [b"\2", b"\3", b"\4"]
    one.close()


def test_exactly_as_many_bytes_fit_as_are_allowed(folder, books):
    size = HEADER_SIZE + 100
    one = spool(folder, max_bytes=3 * size)
    queue = one.queue("logs", 10**6, books)
    for _ in range(3):
        queue.put(request(b"x" * 100))
    assert books == []
    assert used(folder) == 3 * size
    queue.put(request(b"x" * 101))
    assert books.by_reason() == {"spool_full": 2}
    assert used(folder) == 2 * size + 1
    one.close()


def test_a_request_that_can_never_fit_goes_alone(folder, books):
    one = spool(folder, max_bytes=1000)
    queue = one.queue("logs", 10**6, books)
    queue.put(request(b"1"))
    queue.put(request(b"x" * 1000, records=9))
    assert books == [("spool_full", 9, None, True)]
    assert [body for body, _ in drain(queue)] == [b"1"]
    one.close()


def test_the_request_that_is_being_sent_stays_and_the_next_one_goes(folder, books):
    one = spool(folder, max_files=2)
    queue = one.queue("logs", 10**6, books)
    queue.put(request(b"1", records=1))
    queue.put(request(b"2", records=2))
    held = queue.peek()
    queue.put(request(b"3", records=3))
    assert books.by_reason() == {"spool_full": 2}
    queue.settle(held)
    assert [body for body, _ in drain(queue)] == [b"3"]
    one.close()


def test_the_new_one_goes_when_only_the_one_that_is_being_sent_is_there(folder, books):
    one = spool(folder, max_files=1)
    queue = one.queue("logs", 10**6, books)
    queue.put(request(b"1", records=1))
    queue.peek()
    queue.put(request(b"2", records=2))
    assert books == [("spool_full", 2, None, True)]
    assert queue.in_memory().requests == 0
    one.close()


def test_the_oldest_of_all_signals_goes(folder):
    one = spool(folder, max_files=2)
    books = {signal: Books() for signal in ("logs", "traces")}
    logs, traces = (one.queue(signal, 10**6, books[signal]) for signal in books)
    logs.put(request(b"1", records=4))
    traces.put(request(b"2", signal="traces"))
    traces.put(request(b"3", signal="traces"))
    assert books == {"logs": [("spool_full", 4, None, True)], "traces": []}
    assert logs.on_disk().records == 0
    one.close()


def test_what_was_delivered_makes_room_again(folder, books):
    one = spool(folder, max_files=3)
    queue = one.queue("logs", 10**6, books)
    for _ in range(10):
        for _ in range(3):
            queue.put(request())
        assert len(drain(queue)) == 3
    assert books == []
    one.close()


def test_dead_letters_and_damaged_files_count_and_go_first(folder, books):
    one = spool(folder, max_bytes=10_000)
    queue = one.queue("logs", 10**6, books)
    for _ in range(3):
        queue.put(request(b"x" * 500))
        queue.bury(queue.peek(), "refused", "no")
    while used(folder) < 9000:
        queue.put(request(b"x" * 500))
    assert files(folder / "dead-letters")
    kept = len(files(folder))
    for _ in range(4):
        queue.put(request(b"x" * 500))
        assert used(folder) <= 10_000
    assert files(folder / "dead-letters") == []
    assert len(files(folder)) == kept + 4
    assert books.by_reason() == {"refused": 3}
    one.close()


def test_the_counters_survive_a_lock_file_that_somebody_emptied(folder, books):
    one = spool(folder, max_files=3)
    queue = one.queue("logs", 10**6, books)
    for _ in range(3):
        queue.put(request())
    (folder / "limits.lock").write_bytes(b"")
    queue.put(request())
    assert len(files(folder)) == 3
    (folder / "limits.lock").unlink()
    queue.put(request())
    assert len(files(folder)) == 3
    assert books.by_reason() == {"spool_full": 2}
    one.close()


def test_an_evicted_file_of_a_live_writer_is_booked_by_that_writer(folder):
    clock, mine, theirs = Clock(), Books(), Books()
    first = spool(folder, max_files=2, monotonic=clock.monotonic)
    second = spool(folder, max_files=2)
    one, other = first.queue("logs", 10**6, mine), second.queue("logs", 10**6, theirs)
    one.put(request(records=5))
    other.put(request())
    other.put(request())
    assert (mine, theirs) == ([], [])
    assert one.peek() is None
    assert mine == [("spool_removed", 5, None, True)]
    assert theirs == []
    first.close()
    second.close()


def test_an_evicted_file_of_a_dead_writer_is_booked_by_who_evicts_it(folder, books):
    dead = spool(folder, max_files=2)
    dead.queue("logs", 10**6, books).put(request(records=5))
    dead.close()
    one = spool(folder, max_files=2)
    queue = one.queue("logs", 10**6, books)
    for _ in range(2):
        queue.put(request())
    assert books == [("spool_full", 5, None, False)]
    one.close()


def test_an_evicted_file_that_was_taken_over_is_booked_as_not_ours(folder, books):
    dead = spool(folder, max_files=2)
    for records in (5, 6):
        dead.queue("logs", 10**6, books).put(request(records=records))
    dead.close()
    one = spool(folder, max_files=2)
    queue = one.queue("logs", 10**6, books)
    held = queue.peek()
    queue.put(request())
    assert held.request.records == 5
    assert books == [("spool_full", 6, None, False)]
    one.close()


def test_threads_share_the_limits(folder, books):
    one = spool(folder, max_files=20)
    queue = one.queue("logs", 10**6, books)

    def write():
        for _ in range(50):
            queue.put(request())

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(folder)) == 20
    assert len(books) == 180
    assert queue.on_disk().requests == 20
    one.close()


def test_processes_share_the_limits_exactly(folder):
    size, most = HEADER_SIZE + 1000, 40
    code = """
    one = spool(sys.argv[1], max_bytes=int(sys.argv[2]), max_files=int(sys.argv[3]), look_every_s=0.05)
    queue = one.queue("logs", 10**6, books)
    say("ready")
    sys.stdin.readline()
    for _ in range(200):
        queue.put(request(os.urandom(1000)))
        queue._tend()
    say("done")
    sys.stdin.readline()
    while queue.peek() and queue._tend():
        pass
    one._look_at = None
    queue._tend()
    kept = [queue.on_disk().records, queue.in_memory().records]
    say([books.by_reason(), books.by_reason(is_own=False), *kept])
    sys.stdin.readline()
    """
    writers = [Process(code, folder, size * most, most + 2) for _ in range(4)]
    try:
        for writer in writers:
            assert writer.hear() == "ready"
        for writer in writers:
            writer.tell()
        seen = []
        finished = threading.Event()

        def watch():
            while not finished.is_set():
                seen.append(sum(file.size for file in map_names(folder)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for writer in writers:
            assert writer.hear() == "done"
        finished.set()
        watcher.join()
        for writer in writers:
            writer.tell()
        told = [writer.hear() for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
    assert max(seen) <= size * most
    assert used(folder) == size * most
    total = Counter()
    for own, others, on_disk, in_memory in told:
        assert others == {}
        assert in_memory == 0
        assert sum(own.values()) + on_disk == 200
        total.update(own)
        total["waiting"] += on_disk
    assert total["waiting"] == most
    assert set(total) == {"spool_full", "spool_removed", "waiting"}


def map_names(folder):
    """What is there at one moment: a folder of this size is listed by one call of the system."""
    names = {path.name.removesuffix(".tmp") for path in folder.iterdir()}
    return [file for file in map(StoredFile.parse, names) if file]


def test_a_stopped_process_that_holds_the_limits_costs_others_the_disk_but_not_their_time(folder, books):
    code = """
    one = spool(sys.argv[1])
    queue = one.queue("logs", 10**6, books)
    with one._keeper.opened().limits.locked():
        say("locked")
        sys.stdin.readline()
    say("free")
    sys.stdin.readline()
    """
    with Process(code, folder) as other:
        assert other.hear() == "locked"
        os.kill(other.pid, signal.SIGSTOP)
        clock = Clock()
        one = spool(folder, monotonic=clock.monotonic)
        queue = one.queue("logs", 10**6, books)
        queue.put(request(b"1"))
        assert queue.in_memory().requests == 1
        os.kill(other.pid, signal.SIGCONT)
        other.tell()
        assert other.hear() == "free"
        clock.move(2)
        queue.put(request(b"2"))
        assert queue.in_memory().requests == 0
        assert [body for body, _ in drain(queue)] == [b"1", b"2"]
        one.close()
