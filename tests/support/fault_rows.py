# SPDX-License-Identifier: Apache-2.0
"""Every fault of the table: how it is brought about, and what it may cost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING, Any

from support.fault_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fault_scene import Scene

RATE = 50
INTERVAL_S = 1.0
HOUR_S = 3600
PATIENT = {"shutdown_timeout_seconds": 20}
"""Where a receiver has to work for long: what is cut off at the deadline may have been stored."""


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        name: For people.
        play: Plays it in a scene; the number scales its times.
        with_spool: Whether a spool makes a difference worth showing.
        may_lose: Records per signal that may be lost without a word: the process was killed.
        may_duplicate: Whether the receiver stored what we could not learn of.
        with_delta: Whether it is shown for delta temporality, too.
    """

    name: str
    play: Callable[[Scene, float], None]
    with_spool: bool = False
    may_lose: int = 0
    may_duplicate: bool = False
    with_delta: bool = True


def down(seconds: float, scene: Scene, scale: float) -> None:
    outage = max(1.0, seconds * scale)
    around = max(1.5, 15 * scale) if seconds > 5 else max(1.5, 5 * scale)
    load = scene.load(count=round(RATE * (outage + 2 * around)))
    load.reach(round(RATE * around))
    scene.receiver.refuse()
    time.sleep(outage)
    scene.receiver.accept()
    load.end()


def restart(scene: Scene, scale: float) -> None:
    load = scene.load(count=RATE * 4)
    load.reach(RATE)
    for _ in range(2):
        scene.receiver.refuse()
        time.sleep(0.3)
        scene.receiver.accept()
        time.sleep(0.5)
    load.end()


def ordered(
    name: str, scene: Scene, scale: float, times: int = 2, at_least_s: float = 4.0, **arguments: Any
) -> None:
    """The first requests of every signal meet a fault."""
    for signal in ("traces", "metrics", "logs"):
        scene.receiver.order(name, times=times, signal=signal, **arguments)
    scene.load(count=round(RATE * max(at_least_s, 20 * scale))).end()


def ended(how: str, scene: Scene, scale: float) -> None:
    scene.load(count=RATE * 3 + RATE // 2, exit=how).end()


def signalled(signal: Any, scene: Scene, scale: float) -> None:
    load = scene.load(count=RATE * 3 + RATE // 2, exit="wait")
    load.all_emitted()
    load.send(signal)
    load.end()


def in_children(shape: str, scene: Scene, scale: float) -> None:
    scene.load(count=RATE * 2, shape=shape).end()


def down_at_the_end(fault: str, scene: Scene, scale: float) -> None:
    load = scene.load(count=RATE * 3)
    load.reach(RATE)
    scene.receiver.order(fault)
    load.end()


def restarted_while_down(scene: Scene, scale: float) -> None:
    scene.receiver.refuse()
    scene.load(count=RATE * 2).end()
    scene.receiver.accept()
    scene.load(count=RATE * 4).end()


def burst(scene: Scene, scale: float) -> None:
    scene.receiver.order("delay", seconds=0.2)
    scene.load(count=10_000, rate=0, settings=PATIENT).end()


def clock_set_back(scene: Scene, scale: float) -> None:
    clock = FakeClock(scene.folder)
    load = scene.load(count=RATE * 6, environment=clock.environment)
    load.reach(RATE)
    scene.receiver.refuse()
    load.reach(RATE * 2)
    clock.set_back(HOUR_S)
    load.reach(RATE * 3)
    scene.receiver.accept()
    load.end()


def shaped(scene: Scene, scale: float, **options: Any) -> None:
    scene.load(**{"count": RATE * 3, **options}).end()


_KILLED = round(RATE * INTERVAL_S) + 15
"""One interval at the load's rate, and what is emitted while a batch is being written."""

ROWS = (
    Row("receiver down 5 s", partial(down, 5)),
    Row("receiver down 30 s", partial(down, 30), with_spool=True),
    Row("receiver down 90 s", partial(down, 90), with_spool=True),
    Row("receiver restarted twice", restart),
    Row("down, process restarted", restarted_while_down, with_spool=True),
    Row("first two requests hang", partial(ordered, "hang", at_least_s=22)),  # two time-outs
    Row("first two INVALID_ARGUMENT / 400", partial(ordered, "fail", status=400)),
    Row("first two INTERNAL / 500", partial(ordered, "fail", status=500)),
    Row("first two UNAUTHENTICATED / 401", partial(ordered, "fail", status=401), with_spool=True),
    Row("first two 429, RetryInfo 1 s", partial(ordered, "fail", status=429, retry_after=1)),
    Row(
        "redirect (302) x 3",
        partial(ordered, "redirect", times=3, location="http://127.0.0.1:9/"),
    ),
    Row(
        "stored, answer lost, twice",
        partial(ordered, "reset", is_stored=True),
        may_duplicate=True,
        with_spool=True,
    ),
    Row("partial success, twice", partial(ordered, "reject", records=1)),
    Row("exit, receiver down", partial(down_at_the_end, "refuse"), with_spool=True),
    Row("exit, receiver hangs", partial(down_at_the_end, "hang"), with_spool=True),
    Row("SIGTERM", partial(signalled, SIGTERM), with_spool=True),
    Row("SIGKILL", partial(signalled, SIGKILL), with_spool=True, may_lose=_KILLED),
    Row("os._exit", partial(ended, "_exit"), with_spool=True, may_lose=_KILLED),
    Row("os.execv", partial(ended, "execv"), with_spool=True, may_lose=_KILLED),
    Row("multiprocessing fork child", partial(in_children, "fork")),
    Row("multiprocessing Pool", partial(in_children, "pool")),
    Row("10 000 at once, receiver 200 ms slow", burst, with_spool=True),
    Row("clock set back one hour while down", clock_set_back),
    Row("requests over 4 MiB", partial(shaped, count=1200, rate=0, padding=9000, settings=PATIENT)),
    Row("poison log record", partial(shaped, shape="poison"), with_delta=False),
    Row("counter above 2**63-1", partial(shaped, shape="huge")),
    Row("3 000 label values", partial(shaped, shape="labels", count=3000, rate=1000)),
)
