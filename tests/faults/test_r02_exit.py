# SPDX-License-Identifier: Apache-2.0
"""R2: whatever ends the process and whatever the receiver does, the end comes in time and nothing is lost."""

from __future__ import annotations

import time
from signal import SIGINT, SIGTERM

import pytest
from support.fault_clock import FakeClock

pytestmark = pytest.mark.alone

QUEUED = 2048
TIMEOUT_S = 1.0
SLACK_S = 0.5
TRIES = 3
PATIENT_S = 3.0
"""Under libfaketime, which asks a semaphore for every look at a clock, everything takes longer."""
FAULTS = {"refused": ("refuse", {}), "hanging": ("hang", {}), "slow": ("delay", {"seconds": 0.4})}
STATUS = {"return": 0, "sys.exit": 3, "exception": 1, SIGINT: -SIGINT, SIGTERM: -SIGTERM}
# One at a time: an end that has to share two cores with another one may take longer.
ENDS = [
    ("return", "grpc"),
    ("sys.exit", "http"),
    ("exception", "grpc"),
    pytest.param("return", "http", marks=pytest.mark.long),
    pytest.param("sys.exit", "grpc", marks=pytest.mark.long),
    pytest.param("exception", "http", marks=pytest.mark.long),
]
SIGNALS = [
    (SIGINT, "http"),
    (SIGTERM, "grpc"),
    pytest.param(SIGINT, "grpc", marks=pytest.mark.long),
    pytest.param(SIGTERM, "http", marks=pytest.mark.long),
]


def scene_with(make_scene, protocol, fault, timeout_s=TIMEOUT_S):
    scene = make_scene(protocol=protocol, has_spool=True, settings={"shutdown_timeout_seconds": timeout_s})
    name, arguments = FAULTS[fault]
    scene.receiver.order(name, **arguments)
    return scene


def assert_ended_well(scene, load, how) -> float:
    """Returns the seconds from the beginning of the end."""
    assert load.end() == STATUS[how], load.errors()
    for signal, books in scene.books().items():
        assert books.emitted == load.options.count
        assert (books.lost, books.dropped) == (0, 0), (signal, str(books), load.errors())
    return load.seconds_to_end


def assert_in_time(run, timeout_s=TIMEOUT_S):
    """A busy machine may prolong an end; a pipeline that waits too long prolongs each one."""
    seconds: list[float] = []
    while len(seconds) < TRIES:
        seconds.append(run())
        if seconds[-1] <= timeout_s + SLACK_S:
            return
    pytest.fail(f"every end took longer than {timeout_s} + {SLACK_S} s: {seconds}")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("how", "protocol"), ENDS)
def test_the_end_of_the_program_is_over_in_time_with_everything_delivered_or_spooled(
    make_scene, how, protocol, fault
):
    def run() -> float:
        scene = scene_with(make_scene, protocol, fault)
        load = scene.load(count=QUEUED, rate=0, exit=how)
        return assert_ended_well(scene, load, how)

    assert_in_time(run)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("signal", "protocol"), SIGNALS)
def test_a_signal_ends_the_program_in_time_with_everything_delivered_or_spooled(
    make_scene, signal, protocol, fault
):
    def run() -> float:
        scene = scene_with(make_scene, protocol, fault)
        load = scene.load(count=QUEUED, rate=0, exit="wait")
        load.all_emitted()
        load.send(signal)
        return assert_ended_well(scene, load, signal)

    assert_in_time(run)


@pytest.mark.parametrize(("how", "protocol"), [("return", "grpc"), (SIGTERM, "http")])
def test_a_clock_set_back_does_not_prolong_the_end(make_scene, how, protocol, tmp_path):
    def run() -> float:
        clock = FakeClock(tmp_path)
        scene = scene_with(make_scene, protocol, "refused", PATIENT_S)
        exit_ = "wait" if how == SIGTERM else how
        load = scene.load(count=QUEUED // 4, rate=0, exit=exit_, linger_s=1.5, environment=clock.environment)
        load.all_emitted()
        clock.set_back(3600)
        time.sleep(1.2)  # that is when libfaketime looks again
        if how == SIGTERM:
            load.send(SIGTERM)
        return assert_ended_well(scene, load, how)

    assert_in_time(run, PATIENT_S)
