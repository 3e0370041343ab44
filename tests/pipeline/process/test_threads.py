# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from time import monotonic

import pytest
from support.fresh_process import run, run_json

from telemetry.pipeline.process import threads
from telemetry.pipeline.process.threads import Latch


def test_a_latch_is_waited_for_until_it_is_set():
    latch = Latch()
    thread = threads.start(latch.set, "kairos-test")

    assert latch.wait(10)
    assert latch.is_set()
    thread.join(10)
    assert not thread.is_alive()


def test_waiting_for_a_latch_ends_at_the_deadline():
    latch, begun = Latch(), monotonic()

    assert not threads.wait(latch, begun + 0.05)
    assert 0.05 <= monotonic() - begun < 5


def test_a_latch_lets_everybody_go_on():
    latch, passed = Latch(), []
    waiting = [threads.start(lambda: passed.append(latch.wait(10)), "kairos-test") for _ in range(3)]
    latch.set()
    for thread in waiting:
        thread.join(10)

    assert passed == [True] * 3


def test_a_latch_may_be_set_twice():
    latch = Latch()
    latch.set()
    latch.set()

    assert latch.wait()


def test_a_latch_survives_being_set_by_two_in_the_same_moment():
    latch = Latch()
    latch.set()
    latch._is_set = False  # as the second one saw it, before the first one went on

    latch.set()

    assert latch.wait(0)


def test_a_thread_is_a_daemon_with_its_name():
    latch = Latch()
    thread = threads.start(latch.wait, "kairos-test")

    assert thread.name == "kairos-test"
    assert thread.daemon
    latch.set()
    thread.join(10)


def test_what_is_made_is_what_threading_has():
    assert type(threads.lock()) is type(threading.Lock())
    assert type(threads.rlock()) is type(threading.RLock())
    items = threads.queue()
    items.put(1)
    assert items.get(timeout=10) == 1


GEVENT = """
    {before}
    from telemetry.pipeline.process import threads
    {after}
    import gevent, time
    from gevent import monkey
    sleep = monkey.get_original("time", "sleep")
    longest, running = 0, True
    def beat():
        global longest
        last = time.monotonic()
        while running:
            gevent.sleep(0.001)
            last, longest = time.monotonic(), max(longest, time.monotonic() - last)
    beating = gevent.spawn(beat)
    items, done = threads.queue(), threads.Latch()
    def work():
        sleep(0.3)
        time.sleep(0.01)  # gevent's own, which gives the thread an event loop
        items.get(timeout=10)
        done.set()
    thread = threads.start(work, "kairos-test")
    items.put(1)
    begun = time.monotonic()
    early = threads.wait(done, time.monotonic() + 0.05), time.monotonic() - begun
    late = threads.wait(done, time.monotonic() + 10)
    thread.join(10)
    alive = thread.is_alive()
    running = False
    beating.join()
    print(json.dumps([*early, late, alive, longest]))
"""
PATCH = "from gevent import monkey; monkey.patch_all()"


@pytest.mark.alone
@pytest.mark.parametrize(
    ("before", "after"),
    [(PATCH, ""), ("", PATCH), ("", "")],
    ids=["patched before", "patched after", "never"],
)
def test_greenlets_go_on_while_a_thread_works_and_one_waits_for_it(before, after):
    code = GEVENT.format(before=before, after=after)
    early, seconds, late, is_alive, longest = run_json(code, is_measured=False)

    assert not early
    assert 0.05 <= seconds < 0.3
    assert late
    assert not is_alive
    assert longest < 0.3  # the work takes longer


def test_a_thread_that_began_before_gevent_ends_in_silence():
    code = f"""
    from telemetry.pipeline.process import threads
    go_on = threads.Latch()
    thread = threads.start(go_on.wait, "kairos-test")
    {PATCH}
    sys.unraisablehook = lambda problem: print(problem.exc_type.__name__, flush=True)
    go_on.set()
    thread.join(10)
    import time
    end = time.monotonic() + 10
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < end:
        time.sleep(0.01)
    """
    assert run(code, is_measured=False) == ""


def test_a_signal_handler_in_gevents_own_loop_may_wait():
    code = f"""
    {PATCH}
    import gevent, time
    from telemetry.pipeline.process import threads
    seen = []
    def waits():
        seen.append(threads.Latch().wait(0.01))
    gevent.get_hub().loop.run_callback(waits)
    gevent.sleep(0.1)
    print(json.dumps(seen))
    """
    assert run_json(code, is_measured=False) == [False]


def test_threads_leave_no_event_loop_behind():
    code = f"""
    {PATCH}
    import time
    from telemetry.pipeline.process import threads
    counts = []
    for _ in range(3):
        thread = threads.start(lambda: time.sleep(0.001), "kairos-test")
        thread.join(10)
        counts.append(len(os.listdir("/proc/self/fd")))
    print(json.dumps(counts))
    """
    first, *later = run_json(code, is_measured=False)

    assert later == [first] * 2


def test_gevent_is_not_imported_for_it():
    code = """
    from telemetry.pipeline.process import threads
    threads.start(threads.Latch().set, "kairos-test").join(10)
    print(json.dumps([name for name in sys.modules if name.startswith(("gevent", "greenlet"))]))
    """
    assert run_json(code) == []
