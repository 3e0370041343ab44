# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import threading
import time

from support.fresh_process import run

from telemetry.metrics.courtesy import Courtesy, give_way


class Work:
    """Items that take their time, and the pauses between them."""

    def __init__(self, item_s: float) -> None:
        self.now = 0.0
        self.item_s = item_s
        self.pauses: list[float] = []
        self.courtesy = Courtesy(lambda: self.pauses.append(self.now), lambda: self.now)

    def items(self, count: int) -> list[int]:
        done = []
        for item in self.courtesy.over(range(count)):
            self.now += self.item_s
            done.append(item)
        return done


def test_nothing_is_left_out_on_the_way():
    assert Work(0.001).items(100) == list(range(100))


def test_long_work_gives_way_about_three_times_in_a_millisecond():
    work = Work(0.000_02)
    work.items(400)  # eight milliseconds
    between = [after - before for before, after in zip(work.pauses, work.pauses[1:], strict=False)]
    assert len(work.pauses) >= 16
    assert all(0.0003 <= each < 0.0005 for each in between)


def test_a_turn_goes_on_from_one_piece_of_work_to_the_next():
    work = Work(0.000_02)
    for _ in range(50):
        work.items(8)
    assert len(work.pauses) >= 16


def test_large_pieces_are_looked_at_one_by_one():
    work = Work(0.0004)
    for _ in range(3):
        work.now += work.item_s
        work.courtesy.look()
    assert len(work.pauses) == 3


def test_every_thread_has_its_own_turn():
    work = Work(0.000_2)
    work.now += work.item_s
    pauses = []

    def elsewhere() -> None:
        work.now += work.item_s
        work.courtesy.look()
        pauses.extend(work.pauses)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert pauses == []
    work.courtesy.look()
    assert len(work.pauses) == 1


def test_short_work_is_not_held_up():
    work = Work(0.000_001)
    work.items(300)
    assert work.pauses == []


def test_a_thread_that_does_its_last_work_gives_way_no_more():
    work = Work(0.0001)
    work.courtesy.waive()
    assert work.items(80) == list(range(80))
    assert work.pauses == []


def test_giving_way_sleeps_a_moment():
    give_way()


def test_a_clock_that_does_not_work_costs_a_pause_only(monkeypatch):
    def sleep(_seconds: float) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")  # as under libfaketime

    monkeypatch.setattr(time, "sleep", sleep)
    give_way()


def test_a_native_thread_of_a_patched_process_gets_no_event_loop_for_it():
    assert (
        run(
            """
            from gevent import monkey
            monkey.patch_all()
            import gevent
            from gevent._hub_local import get_hub_if_exists
            from telemetry.metrics.courtesy import give_way
            hubs = []
            done = monkey.get_original("_thread", "allocate_lock")()
            done.acquire()
            def work():
                give_way()
                hubs.append(get_hub_if_exists())
                done.release()
            monkey.get_original("_thread", "start_new_thread")(work, ())
            done.acquire()
            ticks = []
            gevent.spawn(lambda: ticks.append(1))
            give_way()  # in a greenlet: the others run
            print(hubs, ticks)
            """,
            is_measured=True,
        )
        == "[None] [1]"
    )
