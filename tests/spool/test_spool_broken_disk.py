# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, read-only or not to be trusted costs nothing but the disk."""

from __future__ import annotations

import errno
import logging
import os

import pytest
from support.mounts import remount, tmpfs
from support.spools import Books, Clock, drain, files, request, spool

from telemetry.spool.queue import EMPTY, Held


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def books():
    return Books()


@pytest.fixture(autouse=True)
def log_level(caplog):
    caplog.set_level(logging.INFO, "telemetry")


def said(caplog, level):
    return [record.getMessage() for record in caplog.records if record.levelname == level]


def test_a_full_disk_degrades_to_memory_with_one_warning(tmp_path, clock, books, caplog):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        one = spool(disk / "otlp", monotonic=clock.monotonic)
        queue = one.queue("logs", 10**6, books)
        for number in range(20):
            queue.put(request(bytes([number]) * 10_000, records=2))
            clock.move(0.2)
        assert queue.on_disk().records + queue.in_memory().records == 40
        assert queue.in_memory().records > 20
        assert books == []
        (warning,) = said(caplog, "WARNING")
        assert warning == (
            f"spool_dir: {disk}/otlp cannot be used: No space left on device. Telemetry waits in memory "
            "(queue_max_bytes for each signal) until it works again; free some space, let this user and "
            "nobody else write there, or set KAIROS_TELEMETRY_SPOOL_DIR to another folder."
        )
        assert not list((disk / "otlp").glob("*.tmp"))
        assert [body[0] for body, _ in drain(queue)] == list(range(20))
        one.close()


def test_what_waits_in_memory_goes_to_the_disk_when_there_is_space_again(tmp_path, clock, books, caplog):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 56_000)
        one = spool(disk / "otlp", monotonic=clock.monotonic)
        queue = one.queue("logs", 10**6, books)
        for number in range(3):
            queue.put(request(bytes([number]) * 10_000))
        assert queue.in_memory().requests == 3
        ballast.unlink()
        clock.move(2)
        assert queue.peek().request.body[0] == 0
        assert queue.in_memory() == EMPTY
        assert queue.on_disk().requests == 3
        assert said(caplog, "INFO") == [f"spool_dir: {disk}/otlp works again."]
        assert [body[0] for body, _ in drain(queue)] == [0, 1, 2]
        one.close()


def test_memory_is_bounded_too(tmp_path, clock, books):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        (disk / "ballast").write_bytes(b"x" * 56_000)
        one = spool(disk / "otlp", monotonic=clock.monotonic)
        queue = one.queue("logs", 35_000, books)
        for _ in range(5):
            queue.put(request(b"x" * 10_000))
        assert queue.in_memory().bytes == 30_000
        assert books.by_reason() == {"memory_full": 2}
        one.close()


def test_a_disk_that_comes_and_goes_is_reported_once_a_minute(tmp_path, clock, books, caplog):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        one = spool(disk / "otlp", monotonic=clock.monotonic)
        queue = one.queue("logs", 10**6, books)
        for _ in range(10):
            (disk / "ballast").write_bytes(b"x" * 40_000)
            queue.put(request(b"x" * 30_000))
            (disk / "ballast").unlink()
            clock.move(2)
            drain(queue)
        assert len(said(caplog, "WARNING")) == 1
        assert len(said(caplog, "INFO")) == 1
        clock.move(60)
        (disk / "ballast").write_bytes(b"x" * 40_000)
        queue.put(request(b"x" * 30_000))
        assert len(said(caplog, "WARNING")) == 2
        one.close()


def test_the_request_that_is_being_sent_from_memory_stays_there(tmp_path, clock, books):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 56_000)
        one = spool(disk / "otlp", monotonic=clock.monotonic)
        queue = one.queue("logs", 10**6, books)
        queue.put(request(b"1" * 10_000))
        queue.put(request(b"2" * 10_000))
        held = queue.peek()
        ballast.unlink()
        clock.move(2)
        queue.put(request(b"3" * 10_000))
        assert queue.in_memory().requests == 1
        assert queue.peek() == held
        queue.settle(held)
        assert [body[:1] for body, _ in drain(queue)] == [b"2", b"3"]
        one.close()


def test_closing_saves_what_waits_in_memory(tmp_path, clock, books):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 56_000)
        one = spool(disk / "otlp", monotonic=clock.monotonic)
        queue = one.queue("logs", 10**6, books)
        queue.put(request(b"1" * 10_000))
        queue.peek()
        ballast.unlink()
        clock.move(2)
        one.close()
        assert queue.in_memory() == EMPTY
        assert queue.on_disk().requests == 1
        assert len(files(disk / "otlp")) == 1


def test_memory_that_finds_no_room_on_the_disk_is_dropped(tmp_path, clock, books):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 56_000)
        one = spool(disk / "otlp", monotonic=clock.monotonic, max_bytes=5000)
        queue = one.queue("logs", 10**6, books)
        queue.put(request(b"1" * 4900))
        queue.put(request(b"1" * 4900))
        queue.put(request(b"2" * 9000, records=3))
        assert books.by_reason() == {"spool_full": 3} or queue.in_memory().requests == 3
        ballast.unlink()
        clock.move(2)
        queue.put(request(b"4"))
        assert queue.in_memory() == EMPTY
        assert books.by_reason()["spool_full"] >= 4
        one.close()


def test_a_disk_that_is_read_only_at_the_start_degrades_to_memory(tmp_path, clock, books, caplog):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        remount(disk, "ro")
        one = spool(disk / "spool" / "otlp", monotonic=clock.monotonic)
        queue = one.queue("logs", 10**6, books)
        queue.put(request(b"1"))
        assert queue.in_memory().requests == 1
        queue.bury(queue.peek(), "refused", "no")
        assert books.by_reason() == {"refused": 1}
        (warning,) = said(caplog, "WARNING")
        assert "Read-only file system" in warning
        queue.put(request(b"2"))
        remount(disk, "rw")
        clock.move(2)
        queue.put(request(b"3"))
        assert queue.on_disk().requests == 2
        assert [body for body, _ in drain(queue)] == [b"2", b"3"]
        one.close()


def test_what_dead_processes_left_on_a_read_only_disk_waits_there(tmp_path, clock, books):
    with tmpfs(tmp_path / "disk", "64k") as disk:
        dead = spool(disk / "otlp")
        dead.queue("logs", 10**6, books).put(request(b"1"))
        dead.close()
        remount(disk, "ro")
        one = spool(disk / "otlp", monotonic=clock.monotonic)
        queue = one.queue("logs", 10**6, books)
        queue.put(request(b"2"))
        assert drain(queue) == [(b"2", True)]
        remount(disk, "rw")
        clock.move(5)
        assert drain(queue) == [(b"1", False)]
        assert books == []
        one.close()


@pytest.mark.parametrize("mode", [0o770, 0o757])
def test_a_folder_that_others_may_write_into_is_not_used(tmp_path, books, caplog, mode):
    (tmp_path / "otlp").mkdir()
    (tmp_path / "otlp").chmod(mode)
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, books)
    queue.put(request())
    assert queue.in_memory().requests == 1
    assert "other users may write into it" in said(caplog, "WARNING")[0]
    assert list((tmp_path / "otlp").iterdir()) == []
    one.close()


def test_a_folder_of_another_user_is_not_used(tmp_path, books, caplog, monkeypatch):
    (tmp_path / "otlp").mkdir(0o700)
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, books)
    queue.put(request())
    assert queue.in_memory().requests == 1
    assert "it belongs to another user" in said(caplog, "WARNING")[0]
    one.close()


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path, books, caplog):
    (tmp_path / "elsewhere").mkdir(0o700)
    (tmp_path / "otlp").symlink_to(tmp_path / "elsewhere")
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, books)
    queue.put(request())
    assert queue.in_memory().requests == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert len(said(caplog, "WARNING")) == 1
    one.close()


def test_a_link_in_the_place_of_the_dead_letters_is_not_followed(tmp_path, books):
    (tmp_path / "elsewhere").mkdir(0o700)
    one = spool(tmp_path / "otlp")
    (tmp_path / "otlp" / "dead-letters").symlink_to(tmp_path / "elsewhere")
    queue = one.queue("logs", 10**6, books)
    queue.put(request())
    queue.bury(queue.peek(), "refused", "no")
    assert books.by_reason() == {"refused": 1}
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert files(tmp_path / "otlp") == []
    one.close()


def test_links_in_the_place_of_locks_are_not_followed(tmp_path, books):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "otlp").mkdir(0o700)
    (tmp_path / "otlp" / "0000000001-00000000.lock").symlink_to(tmp_path / "precious")
    (tmp_path / "otlp" / "limits.lock").symlink_to(tmp_path / "nowhere")
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, books)
    queue.put(request())
    assert queue.in_memory().requests == 1
    queue.peek()
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()
    one.close()


def test_a_folder_that_was_readable_to_others_is_closed_to_them(tmp_path, books):
    (tmp_path / "otlp").mkdir(0o755)
    spool(tmp_path / "otlp").close()
    assert (tmp_path / "otlp").stat().st_mode & 0o777 == 0o700


def test_a_shortage_of_descriptors_is_no_damage(tmp_path, books, monkeypatch):
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, books)
    queue.put(request(b"1"))

    def fail(file):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(one._keeper, "read", fail)
        assert queue.peek() is None
    assert drain(queue) == [(b"1", True)]
    assert books == []
    one.close()


def test_a_request_that_cannot_be_removed_is_not_sent_twice_and_removed_later(
    tmp_path, books, monkeypatch, clock
):
    one = spool(tmp_path / "otlp", monotonic=clock.monotonic)
    queue = one.queue("logs", 10**6, books)
    queue.put(request(b"1"))
    held = queue.peek()
    directory = one._keeper.opened().directory

    def fail(name):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(directory, "remove", fail)
        queue.settle(held)
    assert queue.peek() is None
    assert len(files(tmp_path / "otlp")) == 1
    clock.move(5)
    assert queue.peek() is None
    assert files(tmp_path / "otlp") == []
    one.close()


def test_an_unreadable_file_that_cannot_be_moved_is_forgotten(tmp_path, books, monkeypatch):
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, books)
    queue.put(request(b"1"))
    store = one._keeper.opened()

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(store.directory, "read", fail)
    monkeypatch.setattr(store.directory, "move", fail)
    assert queue.peek() is None
    assert books.by_reason() == {"spool_corrupt": 1}
    one.close()


def test_a_dead_letter_is_booked_even_when_it_cannot_be_kept(tmp_path, books):
    one = spool(tmp_path / "otlp")
    queue = one.queue("logs", 10**6, books)
    (tmp_path / "otlp" / "dead-letters").write_text("a file")
    queue.bury(Held(request(), is_own=True, place=None), "too_large", "no")
    assert books.by_reason() == {"too_large": 1}
    one.close()


def test_a_broken_disk_is_tried_once_a_second(tmp_path, clock, books, monkeypatch):
    one = spool(tmp_path / "otlp", monotonic=clock.monotonic)
    queue = one.queue("logs", 10**6, books)
    directory, attempts = one._keeper.opened().directory, []

    def fail(name, data):
        attempts.append(name)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(directory, "write", fail)
        for _ in range(10):
            queue.put(request())
        assert len(attempts) == 1
        clock.move(1)
        queue.put(request())
        assert len(attempts) == 2
    one.close()
