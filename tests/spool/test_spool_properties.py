# SPDX-License-Identifier: Apache-2.0
"""Any sequence of calls: first in, first out, and books that balance, in memory and on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.spools import Books, Clock, request, spool

from telemetry.spool.memory import MemoryQueue
from telemetry.spool.stored import stored_size

_MAX_BYTES = 1000


class _Twin:
    """The naive queue: a list, and the rule which one goes when it is full."""

    def __init__(self, size_of, max_files):
        self.size_of = size_of
        self.max_files = max_files
        self.waiting = []
        self.held = None
        self.dropped = 0

    def put(self, new):
        if self.size_of(new) > _MAX_BYTES:
            self.dropped += new.records
            return
        self.waiting.append(new)
        while sum(map(self.size_of, self.waiting)) > _MAX_BYTES or len(self.waiting) > self.max_files:
            victim = next(one for one in self.waiting if one is not self.held)
            self.waiting.remove(victim)
            self.dropped += victim.records

    def peek(self):
        self.held = self.waiting[0] if self.waiting else None
        return self.held

    def take(self):
        self.waiting.remove(self.held)
        self.held = None


class _Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.books = Books()
        self.put_records = self.settled = self.buried = 0
        self.held = None
        self.begin()

    @rule(size=st.integers(0, 1200), records=st.integers(0, 9))
    def put(self, size, records):
        new = request(b"x" * size, records=records)
        self.put_records += records
        self.queue.put(new)
        self.twin.put(new)

    @rule()
    def peek(self):
        self.held = self.queue.peek()
        assert (self.held and self.held.request) == self.twin.peek()

    @precondition(lambda self: self.held is not None)
    @rule()
    def settle(self):
        self.queue.settle(self.held)
        self.settled += self.held.request.records
        self.twin.take()
        self.held = None

    @precondition(lambda self: self.held is not None)
    @rule()
    def bury(self):
        self.queue.bury(self.held, "refused", "no")
        self.buried += self.held.request.records
        self.twin.take()
        self.held = None

    @invariant()
    def the_books_balance(self):
        dropped = sum(drop.records for drop in self.books)
        waiting = sum(one.records for one in self.twin.waiting)
        assert self.waiting_records() == waiting
        assert dropped == self.twin.dropped + self.buried
        assert self.put_records == self.settled + dropped + waiting


class MemoryMachine(_Machine):
    def begin(self):
        self.queue = MemoryQueue("logs", _MAX_BYTES, self.books)
        self.twin = _Twin(lambda one: len(one.body), 10**9)

    def waiting_records(self):
        return self.queue.in_memory().records


class DiskMachine(_Machine):
    """The same, and a restart at any time: what waited then is another process's."""

    def begin(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "otlp"
        self.clock = Clock()
        self.twin = _Twin(stored_size, 5)
        self.spool = None
        self.restart()

    @rule()
    def restart(self):
        if self.spool is not None:
            self.spool.close()
        self.spool = spool(self.folder, max_bytes=_MAX_BYTES, max_files=5, monotonic=self.clock.monotonic)
        self.queue = self.spool.queue("logs", _MAX_BYTES, self.books)
        self.held = self.twin.held = None
        self.queue.peek()  # finds what waits
        self.twin.peek()

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds):
        self.clock.move(seconds)

    def bury(self):
        """Not here: dead letters take room, which the twin does not know."""

    def waiting_records(self):
        assert self.queue.in_memory().requests == 0
        return self.queue.on_disk().records + self.queue._adopted.waiting.records

    @invariant()
    def the_folder_holds_what_waits_and_never_more_than_allowed(self):
        sizes = [path.stat().st_size for path in self.folder.glob("*.logs")]
        assert len(sizes) == len(self.twin.waiting) <= 5
        assert sum(sizes) == sum(map(stored_size, self.twin.waiting)) <= _MAX_BYTES

    def teardown(self):
        self.spool.close()
        self.temporary.cleanup()


MemoryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
DiskMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMemoryQueueAgainstItsTwin = MemoryMachine.TestCase
TestDiskQueueAgainstItsTwin = DiskMachine.TestCase
