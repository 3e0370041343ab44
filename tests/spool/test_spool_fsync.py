# SPDX-License-Identifier: Apache-2.0
"""When files of the spool are forced onto the disk."""

from __future__ import annotations

import os
import stat

import pytest
from support.spools import Books, Clock, drain, request, spool


@pytest.fixture
def synced(monkeypatch):
    """What fsync was called for: `file` or `folder`."""
    calls = []

    def fsync(descriptor, real=os.fsync):
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real(descriptor)

    monkeypatch.setattr("os.fsync", fsync)
    return calls


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(tmp_path, clock):
    opened = []

    def open_queue(fsync):
        one = spool(tmp_path / "otlp", fsync=fsync, monotonic=clock.monotonic)
        opened.append(one)
        return one, one.queue("logs", 10**6, Books())

    yield open_queue
    for one in opened:
        one.close()


def test_off_leaves_it_to_the_system(opened, synced, clock):
    one, queue = opened("off")
    queue.put(request())
    clock.move(5)
    queue.put(request())
    queue.peek()
    one.close()
    assert synced == []


def test_always_waits_for_every_file_and_its_name(opened, synced):
    _, queue = opened("always")
    queue.put(request())
    assert synced == ["file", "folder"]
    queue.put(request())
    assert synced == ["file", "folder"] * 2


def test_interval_waits_once_a_second_in_whoever_puts_next(opened, synced, clock):
    _, queue = opened("interval")
    queue.put(request())
    clock.move(0.9)
    queue.put(request())
    assert synced == []
    clock.move(0.2)
    queue.put(request())
    assert synced == ["file", "file", "file", "folder"]
    queue.put(request())
    assert len(synced) == 4


def test_interval_is_kept_by_whoever_peeks_when_nobody_puts(opened, synced, clock):
    _, queue = opened("interval")
    queue.put(request())
    clock.move(1)
    queue.peek()
    assert synced == ["file", "folder"]
    clock.move(1)
    queue.peek()
    assert len(synced) == 2


def test_what_was_delivered_within_the_second_costs_nothing(opened, synced, clock):
    _, queue = opened("interval")
    for _ in range(10):
        queue.put(request())
    drain(queue)
    clock.move(1)
    queue.peek()
    assert synced == ["folder"]


def test_closing_forces_the_rest_onto_the_disk(opened, synced):
    one, queue = opened("interval")
    queue.put(request())
    one.close()
    assert synced == ["file", "folder"]


@pytest.mark.parametrize("policy", ["always", "interval"])
def test_a_disk_that_does_not_take_it_is_reported_and_the_request_waits_on(
    opened, monkeypatch, clock, caplog, policy
):
    _, queue = opened(policy)

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", fail)
        queue.put(request(b"1"))
        clock.move(1)
        queue.peek()
    assert "Input/output error" in caplog.text
    assert drain(queue) == [(b"1", True)]


def test_threads_that_force_at_once_share_the_work(opened, synced, clock, monkeypatch):
    one, queue = opened("interval")
    queue.put(request())
    queue.put(request())
    syncer, directory = one._keeper.syncer, one._keeper.current.directory
    real = directory.sync
    names = []

    def sync(name):
        if not names:  # as if another thread came in between
            names.append(name)
            syncer.sync(directory)
        else:
            names.append(name)
        real(name)

    monkeypatch.setattr(directory, "sync", sync)
    syncer.sync(directory)
    assert len(set(names)) == len(names) == 2
