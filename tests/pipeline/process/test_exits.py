# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import builtins
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from support.faulty_otlp import closed_port
from support.fresh_process import run, run_json

from telemetry.pipeline.process.exits import Exits, keep_interrupt
from telemetry.pipeline.process.threads import Latch

PRELUDE = """
import os, signal, sys, threading, time
from telemetry.pipeline.process.exits import Exits

class Pipeline:
    def __init__(self, seconds=0.0):
        self.seconds = seconds
    def shutdown(self):
        print("shutting down", flush=True)
        time.sleep(self.seconds)
        print("shut down", flush=True)
    def force_flush(self):
        print("flushed", flush=True)

def kill():
    os.kill(os.getpid(), signal.SIGTERM)
"""


def ending(code: str) -> tuple[int, list[str]]:
    """Exit status and lines of a program."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.split("\n")[:-1]


def test_sigterm_ends_the_pipeline_and_then_the_process_by_sigterm():
    assert ending("Exits().watch(Pipeline()); kill(); time.sleep(60)") == (
        -signal.SIGTERM,
        ["shutting down", "shut down"],
    )


def test_the_program_goes_on_until_the_pipeline_is_through():
    code = """
    Exits().watch(Pipeline(0.3)); kill()
    while True:
        time.sleep(0.1)
        print("working", flush=True)
    """
    status, lines = ending(code)

    assert status == -signal.SIGTERM
    assert "working" in lines[lines.index("shutting down") : lines.index("shut down")]


def test_a_program_that_ends_meanwhile_ends_by_sigterm_too():
    assert ending("Exits().watch(Pipeline(0.3)); kill()") == (-signal.SIGTERM, ["shutting down", "shut down"])


def test_a_second_sigterm_ends_it_at_once():
    assert ending("Exits().watch(Pipeline(60)); kill(); time.sleep(0.3); kill(); time.sleep(60)") == (
        -signal.SIGTERM,
        ["shutting down"],
    )


def test_in_a_child_without_a_pipeline_of_its_own_sigterm_leaves_its_parents_alone():
    code = """
    Exits().watch(Pipeline())
    child = os.fork()
    if child == 0:
        kill()
        time.sleep(60)
    print(os.waitpid(child, 0)[1], flush=True)
    """
    assert ending(code) == (0, [str(int(signal.SIGTERM))])


def test_a_sigterm_that_is_held_back_comes_later():
    code = """
    exits = Exits()
    exits.watch(Pipeline())
    before = exits.hold_back()
    kill()
    time.sleep(0.05)
    print("held back", flush=True)
    exits.let_through(before)
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    time.sleep(60)
    """
    assert ending(code) == (-signal.SIGTERM, ["held back", "shutting down", "shut down"])


def test_what_the_application_holds_back_stays_so():
    code = """
    exits = Exits()
    exits.watch(Pipeline())
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    exits.let_through(exits.hold_back())
    assert {signal.SIGTERM, signal.SIGUSR1} <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
    """
    assert ending(code) == (0, [])


def test_a_sigterm_is_not_held_back_from_a_handler_of_the_application():
    code = """
    exits = Exits()
    exits.watch(Pipeline())
    signal.signal(signal.SIGTERM, lambda *_: print("own", flush=True))
    before = exits.hold_back()
    kill()
    print("next", flush=True)
    exits.let_through(before)
    """
    assert ending(code) == (0, ["own", "next"])


def test_where_no_thread_can_start_the_handler_does_it_itself():
    code = """
    from telemetry.pipeline.process import threads
    def refuse(target, name):
        raise RuntimeError("can't create new thread at interpreter shutdown")
    threads.start = refuse
    Exits().watch(Pipeline()); kill()
    """
    assert ending(code) == (-signal.SIGTERM, ["shutting down", "shut down"])


def test_a_handler_of_the_application_is_left_alone():
    code = """
    def own(number, frame):
        print("own", flush=True)
        sys.exit(7)
    {before}
    exits = Exits()
    exits.watch(Pipeline())
    {after}
    kill()
    """
    installs = "signal.signal(signal.SIGTERM, own)"
    assert ending(code.format(before=installs, after="")) == (7, ["own"])
    assert ending(code.format(before="", after=installs)) == (7, ["own"])
    assert ending(code.format(before="", after=f"{installs}; exits.unwatch()")) == (7, ["own"])


def test_a_handler_of_the_application_that_calls_ours_ends_the_process():
    code = """
    Exits().watch(Pipeline())
    ours = signal.getsignal(signal.SIGTERM)
    def own(number, frame):
        print("own", flush=True)
        ours(number, frame)
    signal.signal(signal.SIGTERM, own)
    kill()
    time.sleep(60)
    """
    assert ending(code) == (-signal.SIGTERM, ["own", "shutting down", "shut down"])


def test_an_ignored_sigterm_stays_ignored():
    assert ending("signal.signal(signal.SIGTERM, signal.SIG_IGN); Exits().watch(Pipeline()); kill()") == (
        0,
        [],
    )


def test_after_the_pipeline_sigterm_does_what_it_did_before():
    code = """
    exits = Exits()
    exits.watch(Pipeline())
    exits.unwatch()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    exits.watch(Pipeline())
    thread = threading.Thread(target=exits.unwatch)  # which cannot take the handler away
    thread.start(); thread.join()
    kill()
    time.sleep(60)
    """
    assert ending(code) == (-signal.SIGTERM, [])


def test_started_in_another_thread_there_is_no_handler():
    code = """
    thread = threading.Thread(target=lambda: Exits().watch(Pipeline()))
    thread.start(); thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    """
    assert ending(code) == (0, [])


def test_the_first_process_of_a_container_flushes_and_goes_on():
    # The kernel lets it do nothing about a signal that it does not handle.
    code = """
    Exits(pid=lambda: 1).watch(Pipeline())
    kill()
    time.sleep(0.3)
    kill()
    time.sleep(0.3)
    os._exit(5)
    """
    assert ending(code) == (5, ["flushed", "flushed"])


def test_ending_waits_for_who_is_at_it():
    class Slow:
        def __init__(self) -> None:
            self.ends = 0

        def shutdown(self) -> None:
            self.ends += 1

        def force_flush(self) -> None:
            """Not asked for."""

    exits, pipeline = Exits(), Slow()
    latch = Latch()
    exits._pipeline = pipeline
    exits._ending = threading.Thread(target=latch.wait)
    exits._ending.start()
    threading.Timer(0.05, latch.set).start()

    exits.end()

    assert pipeline.ends == 1
    assert latch.is_set()


def test_without_a_pipeline_there_is_nothing_to_end():
    exits = Exits()
    exits.end()

    assert not exits.forget()


INIT = """
    import signal
    import telemetry
    default = signal.getsignal(signal.SIGTERM)
    seen = []
    with telemetry.init("agent", exporter="memory"):
        first = signal.getsignal(signal.SIGTERM)
        seen.append(first is default)
    seen.append(signal.getsignal(signal.SIGTERM) is default)
"""


def test_init_installs_it_and_shutdown_takes_it_away():
    assert run_json(INIT + "    print(json.dumps(seen))") == [False, True]


def test_a_second_init_keeps_it():
    code = """
    import signal, warnings
    import telemetry
    warnings.simplefilter("ignore")
    telemetry.init("one", exporter="memory")
    second = telemetry.init("two", exporter="memory")
    held = signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    second.shutdown()
    print(json.dumps([held, signal.getsignal(signal.SIGTERM) is signal.SIG_DFL]))
    """
    assert run_json(code) == [True, True]


@pytest.mark.parametrize("exporter", ["inherit", "none"])
def test_without_exporters_of_ours_there_is_no_handler(exporter):
    code = f"""
    import signal
    import telemetry
    telemetry.init("agent", exporter={exporter!r})
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    """
    run(code)


def test_a_forked_child_delivers_before_sigterm_ends_it(tmp_path):
    path = tmp_path / "out.jsonl"
    code = """
    import signal, time
    import telemetry
    pipeline = telemetry.init("agent", exporter="file")
    child = os.fork()
    if child == 0:
        with telemetry.observe(name="child"):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    assert os.waitpid(child, 0)[1] == signal.SIGTERM
    """
    run(code, is_measured=False, KAIROS_TELEMETRY_FILE_PATH=str(path))

    assert '"child"' in path.read_text()


def test_a_sigterm_that_comes_to_a_child_in_the_moment_of_its_birth_is_not_forgotten():
    code = """
    import signal, time
    import telemetry
    telemetry.init("agent", exporter="file")
    ends = []
    for _ in range(50):
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            time.sleep(60)
        os.kill(child, signal.SIGTERM)
        ends.append(os.waitpid(child, 0)[1])
    assert set(ends) == {signal.SIGTERM}, ends
    """
    run(code, is_measured=False, KAIROS_TELEMETRY_FILE_PATH=os.devnull)


def test_signals_while_eight_threads_record_lose_nothing(tmp_path):
    path = tmp_path / "out.jsonl"
    code = """
    import logging, signal, time
    import telemetry
    pipeline = telemetry.init("agent", exporter="file")
    mark = telemetry.counter("test.calls")
    def record(number):
        for round_ in range(40):
            with telemetry.observe(name="work", n=number, round=round_):
                mark.bind({"n": str(number % 4)}).inc()
                telemetry.record_error(TimeoutError(), component=str(number))
            time.sleep(0.001)
    threads = [threading.Thread(target=record, args=(n,)) for n in range(7)]
    for thread in threads:
        thread.start()
    record(7)
    for thread in threads:
        thread.join()
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    while True:  # the signal finds this thread in the middle of something
        telemetry.counter("test.other").bind({"n": str(time.monotonic_ns() % 100)}).inc()
        pipeline.meter.create_counter("sdk.calls").add(1)
    """
    done = subprocess.run(
        [sys.executable, "-c", "import os, threading\n" + textwrap.dedent(code)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"KAIROS_TELEMETRY_FILE_PATH": str(path), "PATH": ""},
    )

    assert done.returncode == -signal.SIGTERM, done.stderr
    text = path.read_text()
    assert text.count('"name":"work"') == 8 * 40
    assert "test.calls" in text


INTERRUPTED = """
import os, signal, telemetry
pipeline = telemetry.init(
    "svc", exporter="{exporter}", otlp_endpoint="http://127.0.0.1:{port}", shutdown_timeout_seconds=0.2
)
telemetry.counter("late").bind({{}}).inc()  # its export imports what nobody has imported yet
{end}
"""
KILL = "os.kill(os.getpid(), signal.SIGINT)"


def status_of(code: str, tmp_path) -> int:
    """Exit status of a script, without coverage, which evaluates at the exit as well."""
    script = tmp_path / "program.py"
    script.write_text(code)
    settings = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, script], check=False, capture_output=True, env=settings, timeout=60
    )
    return done.returncode


@pytest.mark.parametrize("exporter", ["otlp", "otlp-http"])
@pytest.mark.parametrize(
    ("end", "status"),
    [
        (KILL, -signal.SIGINT),
        (f"try: {KILL}\nexcept KeyboardInterrupt: raise SystemExit(3)", 3),
        (f"try: {KILL}\nexcept KeyboardInterrupt: pass", 0),
        ("raise ValueError", 1),
    ],
)
def test_the_status_of_the_process_is_what_it_is_without_telemetry(exporter, end, status, tmp_path):
    code = INTERRUPTED.format(exporter=exporter, port=closed_port(), end=end)
    assert status_of(code, tmp_path) == status
    assert status_of(f"import os, signal\n{end}", tmp_path) == status


def test_an_interrupt_at_a_prompt_is_not_the_end_of_the_process(monkeypatch):
    monkeypatch.setattr(sys, "last_type", KeyboardInterrupt, raising=False)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    told = []
    monkeypatch.setattr(builtins, "exec", told.append)
    keep_interrupt()
    assert told == []
