# SPDX-License-Identifier: Apache-2.0
"""The soak: random faults and a random load for as long as you like; then the books and the resources."""

from __future__ import annotations

import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from support.fault_receivers import Farm
from support.fault_scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fault_receivers import RemoteReceiver
    from support.fault_scene import Load

    Play = Callable[[RemoteReceiver, random.Random], None]

RATE = 20
QUIET_S = 8.0
"""For what was held back at the end of the faults: the longest pause between two attempts, and some more."""
MAY_GROW = {"memory": 8.0, "threads": 2, "descriptors": 4}
STYLES: tuple[dict[str, Any], ...] = (
    {"protocol": "grpc", "temporality": "cumulative", "has_spool": True},
    {"protocol": "http", "temporality": "delta", "has_spool": False},
)


@dataclass
class Usage:
    """What a process holds, sampled over time.

    Attributes:
        memory: Resident MiB.
        threads: Number of threads.
        descriptors: Number of open files and sockets.
    """

    memory: list[float] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def sample(self, pid: int) -> None:
        process = Path(f"/proc/{pid}")
        try:
            pages = int((process / "statm").read_text().split()[1])
            threads, descriptors = (
                len(list((process / "task").iterdir())),
                len(list((process / "fd").iterdir())),
            )
        except OSError:
            return  # it has ended
        self.memory.append(pages * 4096 / 1024 / 1024)
        self.threads.append(threads)
        self.descriptors.append(descriptors)

    def growth(self, name: str) -> tuple[float, float]:
        """Median of the second and of the last fifth: what comes before is warm-up."""
        values = getattr(self, name)
        fifth = max(1, len(values) // 5)
        return median(values[fifth : 2 * fifth] or values), median(values[-fifth:])


def soak(minutes: float, seed: int) -> tuple[list[str], list[str]]:
    """Plays it; returns the figures, and what is wrong with them."""
    seconds = minutes * 60
    figures: list[str] = []
    problems: list[str] = []
    with Farm() as farm, ExitStack() as stack:
        scenes = [
            stack.enter_context(Scene(farm, signals=("traces", "metrics", "logs"), **style))
            for style in STYLES
        ]
        loads = [
            scene.load(rate=RATE, seconds=seconds, seed=seed + number, linger_s=QUIET_S)
            for number, scene in enumerate(scenes)
        ]
        dice = random.Random(seed)
        usages = [Usage() for _ in loads]
        decks: list[list[Play]] = [[] for _ in scenes]
        faults = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for scene, deck in zip(scenes, decks, strict=True):
                faults += 1
                if not deck:  # every fault comes before one comes again
                    deck.extend(dice.sample(FAULTS, len(FAULTS)))
                deck.pop()(scene.receiver, dice)
            wait_until = min(end, time.monotonic() + dice.uniform(1.2, 2.5))  # longer than a flush interval
            while time.monotonic() < wait_until:
                for usage, load in zip(usages, loads, strict=True):
                    usage.sample(load.pid)
                time.sleep(0.25)
            for scene in scenes:
                scene.receiver.heal()
            time.sleep(dice.uniform(0, 0.5))
        for scene in scenes:
            scene.receiver.heal()
        for scene, load, usage in zip(scenes, loads, usages, strict=True):
            status = load.end()
            title = ", ".join(map(str, STYLES[scenes.index(scene)].values()))
            if status:
                problems.append(f"{title}: exit status {status}\n{load.errors()}")
            _check_books(title, scene, load, figures, problems)
            _check_usage(title, usage, figures, problems)
        figures.append(f"{faults} faults in {minutes:g} minutes, seed {seed}")
    return figures, problems


def _check_books(title: str, scene: Scene, load: Load, figures: list[str], problems: list[str]) -> None:
    report = load.report()
    assert report is not None
    tally = scene.tally()
    for signal, books in scene.books().items():
        unanswered = sum(
            request["records"]
            for request in scene.receiver.requests(signal)
            if request["is_stored"] and request["answer"] != "accepted"
        )
        told, repeated = report["result"][signal], tally[signal].repeated_records
        # What was stored without an answer, and was then refused or out of time, is told as dropped or
        # spooled: nobody but the receiver can know better.
        untold = tally[signal].records - told["delivered"]
        figures.append(
            f"{title}, {signal}: {books} lost {max(0, books.lost)}; of {unanswered} stored without an answer"
            f" {repeated} repeated, {untold} told otherwise"
        )
        # Such a record is both delivered and dropped in these books.
        if books.lost not in (0, -untold):
            problems.append(f"{title}, {signal}: {books.lost} lost ({books})")
        if untold < 0 or untold > told["dropped"] + told["spooled"] or repeated + untold > unanswered:
            problems.append(f"{title}, {signal}: told {told}, the receiver has {tally[signal].records}")


def _check_usage(title: str, usage: Usage, figures: list[str], problems: list[str]) -> None:
    for name, limit in MAY_GROW.items():
        early, late = usage.growth(name)
        figures.append(f"{title}, {name}: {early:.1f} after warm-up, {late:.1f} at the end")
        if late - early > limit:
            problems.append(f"{title}: {name} grew from {early:.1f} to {late:.1f}")


# -- faults ------------------------------------------------------------------------------------


def _down(receiver: RemoteReceiver, dice: random.Random) -> None:
    receiver.refuse()


def _frozen(receiver: RemoteReceiver, dice: random.Random) -> None:
    receiver.order("freeze")


def _requests(name: str, **arguments: Any) -> Play:
    def give(receiver: RemoteReceiver, dice: random.Random) -> None:
        receiver.order(name, times=dice.randint(1, 4), **arguments)

    return give


FAULTS = (
    _down,
    _frozen,
    _requests("hang"),
    _requests("delay", seconds=0.3),
    _requests("reset"),
    _requests("reset", is_stored=True),
    _requests("fail", status=503),
    _requests("fail", status=429, retry_after=1),
    _requests("fail", status=503, retry_info=0.5),
    _requests("fail", status=400),
    _requests("reject", records=1),
    _requests("redirect", location="http://127.0.0.1:9/"),
)


def main(minutes: float, seed: int) -> int:
    figures, problems = soak(minutes, seed)
    print("emitted / delivered / spooled / dropped / duplicated")
    print("\n".join(figures))
    for problem in problems:
        print(f"✗ {problem}", file=sys.stderr)
    return 1 if problems else 0
