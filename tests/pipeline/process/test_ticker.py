# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from time import monotonic

import pytest

from telemetry.pipeline.process.ticker import Ticker, flush_all


class Work:
    """Counts its runs; may be held back."""

    def __init__(self) -> None:
        self.runs = 0
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self) -> None:
        self.entered.set()
        self.go_on.wait(10)
        self.runs += 1


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def ticker(work):
    made = Ticker("kairos-test", 3600, work)
    made.start()
    yield made
    work.go_on.set()
    made.stop()
    assert made.join(monotonic() + 10)


def test_a_flush_is_done_when_a_run_that_began_after_it_has_ended(ticker, work):
    assert ticker.begin_flush().wait(10)
    assert work.runs == 1


def test_the_work_is_done_at_its_interval(work):
    ticker = Ticker("kairos-test", 0.001, work)
    ticker.start()
    assert work.entered.wait(10)
    ticker.stop()

    assert ticker.join(monotonic() + 10)


def test_waking_runs_the_work_soon(ticker, work):
    ticker.wake()

    assert work.entered.wait(10)


def test_starting_twice_starts_once(ticker):
    ticker.start()

    assert [thread.name for thread in threading.enumerate()].count("kairos-test") == 1


def test_stopping_runs_the_work_once_more(ticker, work):
    ticker.stop()

    assert ticker.join(monotonic() + 10)
    assert work.runs == 1


def test_whoever_flushes_during_the_last_run_is_not_left_waiting(ticker, work):
    work.go_on.clear()
    ticker.stop()
    assert work.entered.wait(10)
    flush = ticker.begin_flush()
    ticker.wake()
    work.go_on.set()

    assert flush.wait(10)


def test_waiting_ends_at_the_deadline(ticker, work):
    work.go_on.clear()
    ticker.wake()
    assert work.entered.wait(10)
    began = monotonic()

    assert not flush_all([ticker], monotonic() + 0.05)
    assert not ticker.join(monotonic() + 0.05)
    assert monotonic() - began < 5


def test_flushing_what_never_started_or_has_ended_does_not_wait(work):
    ticker = Ticker("kairos-test", 3600, work)
    assert ticker.begin_flush().is_set()
    ticker.start()
    ticker.stop()
    assert ticker.join(monotonic() + 10)

    assert ticker.begin_flush().is_set()
    assert work.runs == 1


def test_work_that_fails_is_logged_and_done_again(caplog):
    runs = []

    def failing() -> None:
        runs.append(1)
        raise RuntimeError("broken")

    ticker = Ticker("kairos-test", 3600, failing)
    ticker.start()
    assert ticker.begin_flush().wait(10)
    assert ticker.begin_flush().wait(10)
    ticker.stop()
    assert ticker.join(monotonic() + 10)

    assert len(runs) == 3
    assert "kairos-test: the work failed; the thread goes on" in caplog.text


def test_where_no_thread_can_start_any_more_the_caller_does_the_work(monkeypatch, work):
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ticker = Ticker("kairos-test", 3600, work)
    ticker.start()
    assert ticker.begin_flush().is_set()
    assert work.runs == 1
    ticker.stop()

    assert ticker.join(monotonic())
    assert work.runs == 2
