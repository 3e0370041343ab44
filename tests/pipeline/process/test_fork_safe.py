# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from time import monotonic

import pytest
from support.waiting import wait_for

from telemetry.exporters.transport import Accepted, Denied, RetryLater
from telemetry.pipeline.process import threads
from telemetry.pipeline.process.fork_safe import ForkSafe
from telemetry.pipeline.process.threads import Latch
from telemetry.spool.request import new_request

REQUEST = new_request("traces", 1, b"")


class Wire:
    """A transport whose attempts take until it is closed, or told to go on."""

    def __init__(self) -> None:
        self.entered = Latch()
        self.go_on = Latch()
        self.is_closed = False

    def send(self, request, timeout_s):
        self.entered.set()
        self.go_on.wait(10)
        return RetryLater("cut short") if self.is_closed else Accepted()

    def close(self) -> None:
        self.is_closed = True
        self.go_on.set()


@pytest.fixture
def wires() -> list[Wire]:
    return []


@pytest.fixture
def make(wires):
    def make() -> Wire:
        wires.append(Wire())
        return wires[-1]

    return make


def begin(transport, replies):
    return threads.start(lambda: replies.append(transport.send(REQUEST, 10)), "kairos-test")


def sending(transport, wires):
    """Begins an attempt and waits until it is under way."""
    replies: list[object] = []
    count = len(wires)
    thread = begin(transport, replies)
    while len(wires) == count:
        thread.join(0.001)
    assert wires[-1].entered.wait(10)
    return thread, replies


def resumed(transport, thread, wires):
    """Ends the fork, lets the next attempt succeed, and returns how many connections were needed in all."""
    count = len(wires)
    transport.resume()
    wait_for(lambda: len(wires) > count, what="the next attempt")
    wires[-1].go_on.set()
    thread.join(10)
    return len(wires)


def test_requests_go_through(make, wires):
    transport = ForkSafe(make, is_fragile=True)
    thread, replies = sending(transport, wires)
    wires[0].go_on.set()
    thread.join(10)

    assert replies == [Accepted()]
    assert transport.pause()


def test_a_fork_waits_for_an_attempt_that_ends_in_time(make, wires):
    transport = ForkSafe(make, is_fragile=True, grace_s=10)
    thread, replies = sending(transport, wires)
    ender = threads.start(wires[0].go_on.set, "kairos-test")

    assert transport.pause()
    ender.join(10)
    thread.join(10)
    assert replies == [Accepted()]
    assert not wires[0].is_closed


def test_a_fragile_attempt_that_takes_long_is_cut_short_and_made_again_over_another_connection(make, wires):
    transport = ForkSafe(make, is_fragile=True, grace_s=0.01)
    thread, replies = sending(transport, wires)

    assert transport.pause()
    assert wires[0].is_closed
    thread.join(0.05)
    assert (replies, len(wires)) == ([], 1)

    assert resumed(transport, thread, wires) == 2
    assert replies == [Accepted()]


def test_an_attempt_that_a_fork_cuts_short_is_made_again_within_its_time_only(make, wires):
    transport = ForkSafe(make, is_fragile=True, grace_s=0.01)
    replies: list[object] = []
    thread = threads.start(lambda: replies.append(transport.send(REQUEST, 0.2)), "kairos-test")
    while not wires:
        thread.join(0.001)

    assert transport.pause()
    thread.join(10)
    assert replies == [RetryLater("not sent: the process was forking")]
    assert len(wires) == 1


def test_a_failed_attempt_that_no_fork_cut_short_is_not_made_again(make, wires):
    transport = ForkSafe(make, is_fragile=True)
    thread, replies = sending(transport, wires)
    wires[0].is_closed = True
    wires[0].go_on.set()
    thread.join(10)

    assert replies == [RetryLater("cut short")]
    assert len(wires) == 1


def test_only_the_first_attempt_of_another_transport_is_waited_for(make, wires):
    transport = ForkSafe(make, is_fragile=False, grace_s=10)
    thread, _ = sending(transport, wires)
    wires[0].go_on.set()
    thread.join(10)
    wires[0].go_on, wires[0].entered = Latch(), Latch()
    replies: list[object] = []
    thread = begin(transport, replies)
    assert wires[0].entered.wait(10)
    begun = monotonic()

    assert transport.pause()
    assert monotonic() - begun < 5
    wires[0].go_on.set()
    thread.join(10)


def test_another_attempt_that_takes_long_goes_on(make, wires):
    transport = ForkSafe(make, is_fragile=False, grace_s=0.01)
    thread, replies = sending(transport, wires)

    assert transport.pause()
    assert not wires[0].is_closed
    wires[0].go_on.set()
    thread.join(10)
    assert replies == [Accepted()]


def test_nothing_begins_during_a_fork(make, wires):
    transport = ForkSafe(make, is_fragile=True)
    transport.pause()
    replies: list[object] = []
    thread = begin(transport, replies)
    thread.join(0.05)
    assert not wires

    assert resumed(transport, thread, wires) == 1
    assert replies == [Accepted()]


def test_an_attempt_waits_for_every_fork_of_several(make, wires):
    transport = ForkSafe(make, is_fragile=True)

    class BetweenForks(Latch):
        """What one fork lets go on, when the next has begun already."""

        def wait(self, timeout=None):
            transport._may_begin = Latch()
            return True

    transport.pause()
    transport._may_begin = BetweenForks()
    replies: list[object] = []
    thread = begin(transport, replies)
    thread.join(0.05)
    assert (replies, wires) == ([], [])

    assert resumed(transport, thread, wires) == 1
    assert replies == [Accepted()]


def test_when_several_threads_fork_an_attempt_waits_for_the_last(make, wires):
    transport = ForkSafe(make, is_fragile=True)
    transport.pause()
    replies: list[object] = []
    thread = begin(transport, replies)
    transport.pause()
    transport.resume()
    thread.join(0.05)
    assert (replies, wires) == ([], [])

    assert resumed(transport, thread, wires) == 1
    assert replies == [Accepted()]


def test_an_attempt_waits_for_the_end_of_a_fork_no_longer_than_it_may_take(make):
    transport = ForkSafe(make, is_fragile=True)
    transport.pause()
    begun = monotonic()

    assert transport.send(REQUEST, 0.05) == RetryLater("not sent: the process was forking")
    assert monotonic() - begun < 5


def test_closing_cuts_attempts_short_and_begins_no_other(make, wires):
    transport = ForkSafe(make, is_fragile=False)
    thread, replies = sending(transport, wires)
    transport.close()
    thread.join(10)

    assert replies == [RetryLater("cut short")]
    assert transport.send(REQUEST, 1) == RetryLater("not sent: the exporter is shut down")
    assert len(wires) == 1


def test_a_transport_that_must_not_be_used_says_why(make, wires):
    transport = ForkSafe(make, is_fragile=True)
    transport.forbid("not here")

    assert transport.send(REQUEST, 1) == Denied("not here")
    assert not wires
