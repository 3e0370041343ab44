# SPDX-License-Identifier: Apache-2.0
"""Spools of several processes: death at any moment, takeover, fork, exec."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from support.spools import Books, Process, drain, files, request, spool
from support.waiting import wait_for

from telemetry.spool.locks import is_held

_ONE_REQUEST = """
one = spool(sys.argv[1])
queue = one.queue("logs", 10**6, books)
queue.put(request(b"left behind", records=3))
say("written")
sys.stdin.readline()
"""


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "otlp"


def test_what_a_killed_process_left_is_sent_by_the_next_one(folder, books):
    with Process(_ONE_REQUEST, folder) as process:
        process.hear()
    one = spool(folder)
    assert drain(one.queue("logs", 10**6, books)) == [(b"left behind", False)]
    assert books == []
    one.close()


def test_what_a_living_process_has_is_left_to_it(folder, books):
    with Process(_ONE_REQUEST, folder) as process:
        process.hear()
        one = spool(folder)
        assert one.queue("logs", 10**6, books).peek() is None
        one.close()
        assert len(files(folder)) == 1


def test_the_files_of_a_process_that_dies_are_taken_over_while_running(folder, books):
    with Process(_ONE_REQUEST, folder) as process:
        process.hear()
        one = spool(folder, look_every_s=0.01)
        queue = one.queue("logs", 10**6, books)
        assert queue.peek() is None
        process.kill()
        held = wait_for(queue.peek)
    assert (held.request.body, held.request.records, held.is_own) == (b"left behind", 3, False)
    one.close()


def test_only_one_process_takes_over(folder, books):
    with Process(_ONE_REQUEST, folder) as process:
        process.hear()
    first, second = spool(folder, look_every_s=0), spool(folder, look_every_s=0)
    one, other = first.queue("logs", 10**6, books), second.queue("logs", 10**6, books)
    assert one.peek() is not None
    assert other.peek() is None
    first.close()
    assert other.peek() is not None
    second.close()


def test_own_requests_and_those_taken_over_come_in_the_order_of_their_times(folder, books):
    dead = spool(folder)
    queue = dead.queue("logs", 10**6, books)
    for second in (1, 3, 5):
        queue.put(request(str(second).encode(), created_ns=1_790_000_000 * 10**9 + second))
    dead.close()
    one = spool(folder)
    queue = one.queue("logs", 10**6, books)
    for second in (2, 4, 6):
        queue.put(request(str(second).encode(), created_ns=1_790_000_000 * 10**9 + second))
    assert b"".join(body for body, _ in drain(queue)) == b"123456"
    one.close()


def test_a_process_killed_in_the_middle_of_writing_loses_that_request_alone(folder, books):
    code = """
    one = spool(sys.argv[1], max_bytes=10**9, max_files=10**6)
    queue = one.queue("logs", 10**6, books)
    number = 0
    while True:
        queue.put(request(number.to_bytes(4, "big") + os.urandom(100_000)))
        number += 1
        if number % 10 == 0:
            say(number)
    """
    for _ in range(5):
        with Process(code, folder) as process:
            written = process.hear()
            process.kill()
        one = spool(folder, max_bytes=10**9, max_files=10**6)
        bodies = [body for body, _ in drain(one.queue("logs", 10**6, books))]
        numbers = [int.from_bytes(body[:4], "big") for body in bodies]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= written
        assert books == []
        one.close()
        assert [path.name for path in folder.iterdir()] == ["limits.lock"]


def test_a_killed_writer_does_not_keep_the_limits_locked(folder, books):
    code = """
    one = spool(sys.argv[1])
    with one._keeper.opened().limits.locked():
        say("locked")
        sys.stdin.readline()
    """
    with Process(code, folder) as process:
        process.hear()
    one = spool(folder)
    queue = one.queue("logs", 10**6, books)
    queue.put(request())
    assert queue.on_disk().requests == 1
    one.close()


_FORK = """
one = spool(sys.argv[1])
queue = one.queue("logs", 10**6, books)
queue.put(request(b"parent", records=2))
queue.peek()
child = os.fork()
if child == 0:
    one.abandon_in_child()
    open_files = len(one._keeper._descriptors)
    if sys.argv[2:] == ["die"]:
        say("forked")
        sys.stdin.readline()
        os._exit(0)
    counts = [queue.on_disk().records, queue.in_memory().records, queue.peek() is None, open_files]
    mine = spool(sys.argv[1], look_every_s=0)
    mine_queue = mine.queue("logs", 10**6, books)
    mine_queue.put(request(b"child"))
    counts.append([body.decode() for body, _ in drain(mine_queue)])
    say(counts)
    sys.stdin.readline()
    mine.close()
    os._exit(0)
if sys.argv[2:] == ["die"]:
    os._exit(0)
os.waitpid(child, 0)
say([body.decode() for body, _ in drain(queue)])
one.close()
"""


def test_a_forked_child_leaves_the_parents_files_and_locks_alone(folder):
    with Process(_FORK, folder) as process:
        assert process.hear() == [0, 0, True, 0, ["child"]]
        process.tell()
        assert process.hear() == ["parent"]
        process.end()
    assert [path.name for path in folder.iterdir()] == ["limits.lock"]


def test_a_forked_child_does_not_keep_the_lock_of_a_dead_parent(folder, books):
    with Process(_FORK, folder, "die") as process:
        assert process.hear() == "forked"
        one = spool(folder, look_every_s=0)
        queue = one.queue("logs", 10**6, books)
        assert wait_for(queue.peek).request.body == b"parent"
        one.close()
        process.tell()


def test_a_fork_while_every_lock_is_held_does_not_block_the_child(folder):
    code = """
    import threading
    one = spool(sys.argv[1], look_every_s=0)
    queue = one.queue("logs", 10**6, books)
    keeper = one._keeper
    held = threading.Event()
    def hold():
        with keeper.lock, keeper._opening, keeper.opened().limits.locked():
            one._tending.acquire()
            held.set()
            time.sleep(60)
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    child = os.fork()
    if child == 0:
        one.abandon_in_child()
        queue.put(request(b"late"))
        queue.peek()
        mine = spool(sys.argv[1])
        say([queue.in_memory().requests, mine.queue("logs", 10**6, books).peek() is None])
        os._exit(0)
    say(os.waitpid(child, 0)[1])
    os._exit(0)
    """
    with Process(code, folder) as process:
        assert process.hear() == [1, True]
        assert process.hear() == 0


def test_a_signal_handler_may_put_while_its_thread_holds_the_locks(folder, books):
    one = spool(folder)
    queue = one.queue("logs", 10**6, books)
    before = signal.signal(signal.SIGUSR1, lambda *_: queue.put(request(b"handler")))
    try:
        with one._keeper.lock, one._keeper._opening, one._keeper.opened().limits.locked():
            os.kill(os.getpid(), signal.SIGUSR1)
            assert wait_for(lambda: queue.on_disk().requests) == 1
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert drain(queue) == [(b"handler", True)]
    one.close()


def test_execv_frees_the_locks(folder, books):
    code = """
    one = spool(sys.argv[1])
    queue = one.queue("logs", 10**6, books)
    queue.put(request(b"before exec"))
    os.execv(sys.executable, [sys.executable, "-c", "print('true', flush=True); input()"])
    """
    with Process(code, folder) as process:
        assert process.hear() is True
        one = spool(folder)
        assert drain(one.queue("logs", 10**6, books)) == [(b"before exec", False)]
        one.close()
        process.tell()


def test_whether_a_writer_lives_can_be_asked_without_a_trace(folder, books):
    with Process(_ONE_REQUEST, folder) as process:
        process.hear()
        one = spool(folder)
        directory = one._keeper.opened().directory
        (lock,) = (path.name for path in folder.glob("*-*.lock"))
        assert is_held(directory, lock)
        process.kill()
        assert not is_held(directory, lock)
        assert not is_held(directory, "nobody.lock")
        assert not (folder / "nobody.lock").exists()
        one.close()


def test_a_process_that_writes_and_sends_at_once_loses_nothing(folder, books):
    one = spool(folder, look_every_s=0.001)
    queue = one.queue("logs", 10**6, books)
    sent = []

    def send():
        while len(sent) < 500:
            held = queue.peek()
            if held is not None:
                sent.append(int(held.request.body))
                queue.settle(held)

    sender = threading.Thread(target=send)
    sender.start()
    for number in range(500):
        queue.put(request(str(number).encode()))
    sender.join()
    assert sent == list(range(500))
    assert books == []
    one.close()


def test_descriptors_do_not_grow(folder, books):
    def open_descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_descriptors()
    for _ in range(20):
        one = spool(folder)
        queue = one.queue("logs", 10**6, books)
        queue.put(request())
        queue.bury(queue.peek(), "refused", "no")
        queue.put(request())
        one.close()
    assert open_descriptors() == before


def test_a_lock_file_that_its_holder_removed_locks_nothing_any_more(folder, books):
    one = spool(folder)
    store = one._keeper.opened()
    first, second, third = (store.lock_of("0000000001-00000000") for _ in range(3))
    assert first.try_take()
    assert not second.try_take()  # it is open now, though
    first.remove()
    assert third.try_take()
    assert not second.try_take()
    third.remove()
    second.close()
    one.close()
