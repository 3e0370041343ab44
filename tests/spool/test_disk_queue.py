# SPDX-License-Identifier: Apache-2.0
"""A queue on disk: what one process sees of it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys

import pytest
from support.spools import Books, Clock, drain, files, request, spool

from telemetry.errors import ConfigError
from telemetry.spool.queue import EMPTY, Held, Waiting
from telemetry.spool.stored import HEADER_SIZE


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool" / "otlp"


@pytest.fixture
def opened(folder, clock, books):
    opened = []

    def open_spool(signal="logs", **settings):
        one = spool(folder, now_ns=clock.now_ns, monotonic=clock.monotonic, **settings)
        opened.append(one)
        return one, one.queue(signal, 10**6, books)

    yield open_spool
    for one in opened:
        one.close()


def test_requests_come_out_in_the_order_in_which_they_went_in(opened, books):
    _, queue = opened()
    for body in (b"1", b"2", b"3"):
        queue.put(request(body))
    assert drain(queue) == [(b"1", True), (b"2", True), (b"3", True)]
    assert books == []


def test_a_request_comes_back_as_it_was(opened):
    _, queue = opened()
    written = request(b"\x00\xff" * 1000, records=17)
    queue.put(written)
    assert queue.peek().request == written
    assert queue.peek().request == written


def test_what_waits_is_counted_on_disk_with_its_files_sizes(opened):
    _, queue = opened()
    queue.put(request(b"12345", records=3))
    queue.put(request(b"678", records=4))
    assert queue.on_disk() == Waiting(2, 7, 8 + 2 * HEADER_SIZE)
    assert queue.in_memory() == EMPTY
    drain(queue)
    assert queue.on_disk() == EMPTY


def test_signals_do_not_mix(folder, books):
    one = spool(folder)
    logs, traces = one.queue("logs", 10, books), one.queue("traces", 10, books)
    logs.put(request(b"log"))
    traces.put(request(b"span", signal="traces"))
    assert drain(traces) == [(b"span", True)]
    assert drain(logs) == [(b"log", True)]
    one.close()


def test_a_settled_request_leaves_no_file(opened, folder):
    _, queue = opened()
    queue.put(request())
    assert len(files(folder)) == 1
    drain(queue)
    assert files(folder) == []


def test_settling_twice_changes_nothing(opened):
    _, queue = opened()
    queue.put(request(b"1"))
    queue.put(request(b"2"))
    held = queue.peek()
    queue.settle(held)
    queue.settle(held)
    assert drain(queue) == [(b"2", True)]


def test_a_closed_spool_leaves_its_requests_to_the_next_one(opened, folder):
    first, queue = opened()
    queue.put(request(b"1", records=4))
    queue.put(request(b"2"))
    first.close()
    assert queue.on_disk().records == 5
    _, heir = opened()
    assert drain(heir) == [(b"1", False), (b"2", False)]
    assert heir.on_disk() == EMPTY


def test_nothing_but_the_lock_of_the_limits_is_left_of_an_empty_spool(opened, folder):
    first, queue = opened()
    queue.put(request())
    drain(queue)
    first.close()
    assert [path.name for path in folder.iterdir()] == ["limits.lock"]


def test_the_locks_of_others_go_with_their_last_file(opened, folder, clock):
    first, queue = opened()
    queue.put(request())
    first.close()
    assert len(list(folder.glob("*-*.lock"))) == 1
    _, heir = opened()
    drain(heir)
    clock.move(5)
    heir.peek()
    assert list(folder.glob("*-*.lock")) == []


def test_files_are_for_this_user_alone_whatever_the_umask(opened, folder):
    before = os.umask(0o277)
    try:
        _, queue = opened()
        queue.put(request())
        queue.put(request())
        queue.bury(queue.peek(), "refused", "no")
    finally:
        os.umask(before)
    assert len(files(folder)) == 1
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.parent.rglob("*")}
    assert {mode for name, mode in modes.items() if name in ("otlp", "dead-letters")} == {0o700}
    assert {mode for name, mode in modes.items() if "." in name and "lock" not in name} == {0o600}
    assert all(mode & 0o077 == 0 for mode in modes.values())
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_an_expired_request_is_given_up(opened, clock, books, folder):
    _, queue = opened(max_age_s=60)
    queue.put(request(b"old", records=3, created_ns=clock.now_ns()))
    clock.move(59)
    queue.put(request(b"young", created_ns=clock.now_ns()))
    assert queue.peek().request.body == b"old"
    clock.move(2)
    assert drain(queue) == [(b"young", True)]
    assert books == [("spool_expired", 3, None, True)]
    assert files(folder) == []


def test_a_request_of_a_dead_process_expires_too(opened, clock, books):
    first, queue = opened(max_age_s=60)
    queue.put(request(records=3, created_ns=clock.now_ns()))
    first.close()
    clock.move(61)
    _, heir = opened(max_age_s=60)
    assert heir.peek() is None
    assert books == [("spool_expired", 3, None, False)]


def test_what_no_queue_can_send_waits_until_it_expires(opened, clock, books, folder):
    first, queue = opened("traces", max_age_s=60)
    queue.put(request(signal="traces", created_ns=clock.now_ns()))
    first.close()
    _, logs = opened("logs", max_age_s=60)
    assert logs.peek() is None
    assert len(files(folder)) == 1
    clock.move(61)
    assert logs.peek() is None
    assert files(folder) == []


def test_names_never_go_back_in_time_when_the_clock_does(opened, clock, folder):
    _, queue = opened()
    queue.put(request(b"1", created_ns=5 * 10**9))
    queue.put(request(b"2", created_ns=3 * 10**9))
    queue.put(request(b"3", created_ns=6 * 10**9))
    assert [file.time_ns for file in files(folder)] == [5 * 10**9, 5 * 10**9, 6 * 10**9]
    clock.wall_ns = 7 * 10**9
    assert [body for body, _ in drain(queue)] == [b"1", b"2", b"3"]


def test_a_damaged_file_is_set_aside_and_the_next_one_sent(opened, folder, books):
    _, queue = opened()
    queue.put(request(b"0123456789", records=7))
    queue.put(request(b"next"))
    (first, _) = files(folder)
    data = bytearray((folder / first.name).read_bytes())
    data[-1] ^= 1
    (folder / first.name).write_bytes(data)
    assert drain(queue) == [(b"next", True)]
    (drop,) = books
    assert drop[:2] == ("spool_corrupt", 7)
    assert drop.error == f"{first.name}: wrong CRC-32"
    assert (folder / "corrupt" / first.name).read_bytes() == bytes(data)


@pytest.mark.parametrize("damage", ["truncated", "longer", "folder", "pipe", "link"])
def test_what_is_not_the_file_that_was_written_is_set_aside(opened, folder, books, damage, tmp_path):
    _, queue = opened()
    queue.put(request(b"0123456789"))
    path = folder / files(folder)[0].name
    data = path.read_bytes()
    path.unlink()
    match damage:
        case "truncated":
            path.write_bytes(data[:-3])
        case "longer":
            path.write_bytes(data + b"x")
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "link":
            (tmp_path / "elsewhere").write_bytes(data)
            path.symlink_to(tmp_path / "elsewhere")
    assert queue.peek() is None
    assert books.by_reason() == {"spool_corrupt": 1}
    if damage in ("folder", "pipe"):
        assert "not a plain file" in books[0].error
    assert not path.is_symlink()
    assert not path.exists()


def test_damaged_files_are_kept_within_bounds(opened, folder, books):
    _, queue = opened(max_bytes=16_000)  # a sixteenth of it for damaged files
    for _ in range(8):
        queue.put(request(b"x" * 344))
    for file in files(folder):
        (folder / file.name).write_bytes(b"?" * 400)
    assert queue.peek() is None
    assert books.by_reason() == {"spool_corrupt": 8}
    assert len(files(folder / "corrupt")) == 2


def test_a_vanished_file_is_booked_as_removed(opened, folder, books):
    _, queue = opened()
    queue.put(request(records=2))
    queue.put(request(b"next"))
    (folder / files(folder)[0].name).unlink()
    assert drain(queue) == [(b"next", True)]
    assert books == [("spool_removed", 2, None, True)]


def test_vanished_files_are_noticed_even_behind_one_that_waits(opened, folder, books, clock):
    _, queue = opened()
    queue.put(request(records=1))
    queue.put(request(records=2))
    queue.peek()
    (folder / files(folder)[1].name).unlink()
    clock.move(5)
    queue.peek()
    assert books == [("spool_removed", 2, None, True)]
    assert queue.on_disk().records == 1


def test_a_file_that_vanishes_while_it_is_sent_is_what_its_reply_says(opened, folder, books, clock):
    _, queue = opened()
    queue.put(request(records=1))
    held = queue.peek()
    (folder / files(folder)[0].name).unlink()
    clock.move(5)
    queue._tend()
    queue.lost(held.place)
    queue.settle(held)
    assert books == []
    assert queue.on_disk() == EMPTY


def test_a_buried_request_is_kept_with_a_note(opened, folder, books, clock):
    _, queue = opened()
    written = request(b"letter", records=5)
    queue.put(written)
    queue.bury(queue.peek(), "refused", "400: no such field")
    assert books == [("refused", 5, "400: no such field", True)]
    assert files(folder) == []
    (letter,) = files(folder / "dead-letters")
    assert letter.records == 5
    note = json.loads((folder / "dead-letters" / f"{letter.name}.json").read_text())
    assert note == {
        "reason": "refused",
        "error": "400: no such field",
        "when": "2026-09-21T14:13:20+00:00",
        "signal": "logs",
        "records": 5,
        "bytes": 6,
        "batch_id": written.batch_id,
    }


def test_burying_what_is_gone_books_nothing(opened, books):
    _, queue = opened()
    queue.put(request())
    held = queue.peek()
    queue.settle(held)
    queue.bury(held, "refused", "late")
    assert books == []


def test_a_request_that_never_waited_becomes_a_dead_letter(opened, folder, books):
    _, queue = opened()
    queue.bury(Held(request(b"huge"), is_own=True, place=None), "too_large", "5 MiB")
    assert books == [("too_large", 1, "5 MiB", True)]
    (letter,) = files(folder / "dead-letters")
    assert (folder / "dead-letters" / letter.name).read_bytes().endswith(b"huge")


def test_dead_letters_are_kept_within_bounds(opened, folder):
    _, queue = opened(max_bytes=8000)  # a quarter of it for dead letters
    for number in range(10):
        queue.put(request(bytes([number]) * 400))
        queue.bury(queue.peek(), "refused", "no")
    kept = list((folder / "dead-letters").iterdir())
    assert 0 < sum(path.stat().st_size for path in kept) <= 2000
    assert [path.read_bytes()[-1] for path in sorted(kept) if path.suffix == ".logs"] == [7, 8, 9]


def test_a_dead_letter_that_is_larger_than_its_share_is_not_kept(opened, folder, books):
    _, queue = opened(max_bytes=8000)
    queue.put(request(b"x" * 3000))
    queue.bury(queue.peek(), "refused", "no")
    queue.bury(Held(request(b"x" * 3000), is_own=True, place=None), "too_large", "no")
    assert books.by_reason() == {"refused": 1, "too_large": 1}
    assert not (folder / "dead-letters").exists()
    assert files(folder) == []


def test_a_removed_folder_is_made_again(opened, folder, books, caplog):
    _, queue = opened()
    queue.put(request(b"lost", records=3))
    shutil.rmtree(folder)
    queue.put(request(b"1"))
    assert queue.in_memory().requests == 1
    assert "No such file or directory" in caplog.text
    queue.put(request(b"2"))


def test_after_a_removed_folder_is_made_again_everything_goes_to_disk(opened, folder, books, clock):
    _, queue = opened()
    queue.put(request(b"lost", records=3))
    shutil.rmtree(folder)
    queue.put(request(b"1"))
    clock.move(5)
    queue.put(request(b"2"))
    assert queue.in_memory() == EMPTY
    assert drain(queue) == [(b"1", True), (b"2", True)]
    assert books == [("spool_removed", 3, None, True)]


def test_a_lock_that_somebody_removed_is_made_again(opened, folder, clock):
    _, queue = opened()
    queue.put(request(b"mine"))
    (lock,) = folder.glob("*-*.lock")
    lock.unlink()
    clock.move(5)
    queue.peek()
    assert lock.exists()
    _, other = opened()
    assert other.peek() is None


def test_stale_temporary_files_of_dead_writers_go(opened, folder):
    first, queue = opened()
    queue.put(request())
    first.close()
    stale = folder / f"{files(folder)[0].name.replace('-0000000000-', '-0000000009-')}.tmp"
    stale.write_bytes(b"half")
    foreign = folder / "notes.tmp"
    foreign.write_bytes(b"not ours")
    _, heir = opened()
    heir.peek()
    assert not stale.exists()
    assert foreign.exists()


def test_a_file_in_the_place_of_the_folder_is_a_configuration_error(tmp_path):
    (tmp_path / "spool").write_text("")
    with pytest.raises(ConfigError, match=r"spool_dir = .*spool' is a file; allowed: a directory"):
        spool(tmp_path / "spool" / "otlp")


def test_a_platform_without_file_locks_is_a_configuration_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr("telemetry.spool.disk.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"spool_dir = .*no file locks.*Leave spool_dir unset"):
        spool(tmp_path / "spool" / "otlp")


def test_closing_the_last_queue_closes_the_spool(folder, books):
    one = spool(folder)
    logs, traces = one.queue("logs", 10, books), one.queue("traces", 10, books)
    logs.put(request(b"1"))
    logs.close()
    traces.put(request(b"2", signal="traces"))
    assert traces.on_disk().requests == 1
    traces.close()
    traces.close()
    heir = spool(folder)
    assert drain(heir.queue("logs", 10, books)) == []  # traces has no queue here
    heir.close()


def test_a_closed_queue_takes_requests_in_memory(opened):
    one, queue = opened()
    queue.put(request(b"disk"))
    one.close()
    queue.put(request(b"memory"))
    assert queue.in_memory().requests == 1
    assert queue.on_disk().requests == 1
    assert queue.peek().request.body == b"memory"
