# SPDX-License-Identifier: Apache-2.0
"""Signals that CPython notes without waking the main thread.

The tests have SIGTERM come to another thread: that is what it looks like to the main thread when a signal
comes in the moment before it waits.
"""

from __future__ import annotations

import pytest
from support.fresh_process import run, run_json

WORKER = """
import multiprocessing, os, signal, threading, time
from telemetry.pipeline.process.exits import Exits

exits = Exits()

class Pipeline:
    def shutdown(self):
        print("shut down", flush=True)

def elsewhere():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

def wait_for_ever(semaphore, is_new):
    signal.alarm(30)
    if is_new:
        exits.watch(Pipeline())
    threading.Thread(target=elsewhere, daemon=True).start()
    semaphore.acquire()

def start_in_child():
    exits.forget()
    exits.watch(Pipeline(), is_child=True)

def main(method):
    context = multiprocessing.get_context(method)
    exits.watch(Pipeline())
    os.register_at_fork(after_in_child=start_in_child)
    semaphore = context.Semaphore(0)
    worker = context.Process(target=wait_for_ever, args=(semaphore, method == "spawn"))
    worker.start()
    worker.join()
    print(worker.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_ends_by_sigterm_although_it_waits_for_ever(tmp_path, method):
    (tmp_path / "program.py").write_text(WORKER)

    said = run(f"import program; program.main({method!r})", is_measured=False, PYTHONPATH=str(tmp_path))
    assert said.splitlines() == ["shut down", "-15"]


STARTED = """
    import signal, time
    from telemetry.pipeline.process.wakeups import Wakeups
    handled, nudged = [], []
    wakeups = Wakeups(lambda: not handled)
    {before}
    wakeups.start()
    def is_running():
        return "kairos-signals" in [thread.name for thread in threading.enumerate()]
    def current():
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        return descriptor
    def descriptors():
        return sorted(os.listdir("/proc/self/fd"))
    {after}
"""


def started(after: str, before: str = "") -> object:
    """What a program prints that has started and goes on so."""
    return run_json(STARTED.format(before=before, after=after.replace("\n", "\n    ")), is_measured=False)


def test_a_handler_that_ran_in_time_needs_no_nudge():
    after = """
signal.signal(signal.SIGTERM, lambda *_: handled.append(1))
signal.signal(signal.SIGURG, lambda *_: nudged.append(1))
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(0.2)
print(json.dumps([handled, nudged]))
"""
    assert started(after) == [[1], []]


def test_nudges_end():
    after = """
from telemetry.pipeline.process import wakeups as module
module._MOST_NUDGES, module._PAUSE_S = 3, 0.001
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGURG, lambda *_: nudged.append(1))
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(0.3)
print(json.dumps(nudged))
"""
    assert started(after) == [1, 1, 1]


def test_it_leaves_nothing_behind():
    before = "signal.set_wakeup_fd(-1); had = sorted(os.listdir('/proc/self/fd'))"
    after = """
was = is_running(), current() != -1, signal.getsignal(signal.SIGURG) is signal.SIG_DFL
wakeups.start()  # a second time
thread = [thread for thread in threading.enumerate() if thread.name == "kairos-signals"]
wakeups.stop()
[each.join(10) for each in thread]
left = is_running(), current() != -1, signal.getsignal(signal.SIGURG) is signal.SIG_DFL
print(json.dumps([was, left, len(thread), descriptors() == had]))
"""
    assert started(after, before) == [[True, True, False], [False, False, True], 1, True]


def test_a_forked_child_lets_go_of_its_parents_pipe_and_the_parent_goes_on():
    before = "had = len(os.listdir('/proc/self/fd'))"
    after = """
child = os.fork()
if child == 0:
    wakeups.forget()
    wakeups.forget()
    is_free = (current(), signal.getsignal(signal.SIGURG), len(descriptors())) == (-1, signal.SIG_DFL, had)
    os._exit(0 if is_free else 1)
print(json.dumps([os.waitpid(child, 0)[1], current() != -1, is_running()]))
"""
    assert started(after, before) == [0, True, True]


@pytest.mark.parametrize(
    "before",
    [
        "signal.set_wakeup_fd(os.dup(os.open(os.devnull, os.O_WRONLY | os.O_NONBLOCK)))",
        "signal.signal(signal.SIGURG, lambda *_: None)",
    ],
)
def test_where_somebody_else_uses_what_it_takes_it_does_nothing(before):
    count = "len(os.listdir('/proc/self/fd'))"
    remember = f"{before}; had = signal.set_wakeup_fd(-1); signal.set_wakeup_fd(had); count = {count}"
    after = "print(json.dumps([is_running(), current() == had, len(descriptors()) - count]))"
    assert started(after, remember) == [False, True, 0]


def test_where_no_thread_can_start_it_does_nothing():
    before = """
    from telemetry.pipeline.process import threads
    def refuse(target, name):
        raise RuntimeError("can't start new thread")
    threads.start = refuse
    count = len(os.listdir("/proc/self/fd"))"""
    after = "print(json.dumps([current(), len(descriptors()) - count]))"
    assert started(after, before) == [-1, 0]


def test_who_takes_the_descriptor_later_keeps_it():
    after = """
theirs = os.dup(os.open(os.devnull, os.O_WRONLY | os.O_NONBLOCK))
signal.set_wakeup_fd(theirs)
wakeups.stop()
print(json.dumps([current() == theirs]))
"""
    assert started(after) == [True]


def test_in_another_thread_than_the_main_one_it_neither_begins_nor_ends():
    after = """
def elsewhere(call):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
other = Wakeups(lambda: False)
elsewhere(wakeups.stop)
kept = is_running(), current() != -1
wakeups.stop()
elsewhere(other.start)
print(json.dumps([kept, current() == -1]))
"""
    assert started(after) == [[True, True], True]


def test_a_program_of_its_own_has_none():
    code = """
    import multiprocessing.util, signal
    import telemetry
    telemetry.init("agent", exporter="file")
    print(json.dumps([signal.set_wakeup_fd(-1), [thread.name for thread in threading.enumerate()]]))
    """
    descriptor, names = run_json(code, KAIROS_TELEMETRY_FILE_PATH="/dev/null")
    assert descriptor == -1
    assert "kairos-signals" not in names
