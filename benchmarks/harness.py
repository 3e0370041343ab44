# SPDX-License-Identifier: Apache-2.0
"""How everything here is measured: cases take turns in one run, in blocks, and each block is timed whole.

The machine's noise (another process, frequency steps) lasts longer than a block, so it meets ours and the
peer alike; the minimum is what the code costs, the median what it costs here today. A ratio is always of
two medians of the same run.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Block",
    "Row",
    "Timing",
    "WrongResultError",
    "at_least",
    "at_most",
    "check",
    "emit",
    "interleave",
    "is_quick",
    "stmt",
]

Block = "Callable[[int], float]"
"""Runs n operations and returns the nanoseconds that they took, without what it prepares."""

UNROLLED = 10  # statements in a loop body: the loop itself then costs under a nanosecond each


class WrongResultError(Exception):
    """What was measured did not do what it should have: the figure means nothing."""


def check(is_right: bool, what: str) -> None:
    """Fail the benchmark when a result is wrong."""
    if not is_right:
        raise WrongResultError(what)


@dataclass(frozen=True)
class Timing:
    """Nanoseconds per operation of one case, from its blocks."""

    min: float
    median: float

    @classmethod
    def of(cls, samples: list[float]) -> Timing:
        return cls(min(samples), statistics.median(samples))


@dataclass
class Row:
    """One line of the table.

    `ratio` is what the target speaks of; `is_met` is None where there is no target or nothing was measured.
    """

    id: str
    what: str
    ours: Timing | None
    peer_name: str
    peer: Timing | None
    ratio: float | None
    target: str
    is_met: bool | None
    unit: str = "ns"
    ratio_unit: str = "x"
    note: str = ""
    extra: dict[str, float] = field(default_factory=dict)


def at_least(
    row_id: str, what: str, ours: Timing, peer_name: str, peer: Timing, factor: float | None, note: str = ""
) -> Row:
    """The peer takes `factor` times as long as ours, or more."""
    ratio = peer.median / ours.median
    target = "" if factor is None else f">= {factor:g}x"
    return Row(
        row_id,
        what,
        ours,
        peer_name,
        peer,
        ratio,
        target,
        None if factor is None else ratio >= factor,
        note=note,
    )


def at_most(
    row_id: str,
    what: str,
    ours: Timing,
    peer_name: str,
    peer: Timing,
    factor: float | None,
    unit: str = "ns",
    note: str = "",
) -> Row:
    """Ours takes `factor` of the peer's time, or less."""
    ratio = ours.median / peer.median
    target = "" if factor is None else f"<= {factor:g}x"
    is_met = None if factor is None else ratio <= factor
    return Row(row_id, what, ours, peer_name, peer, ratio, target, is_met, unit=unit, note=note)


def stmt(statement: str, **names: object) -> Callable[[int], float]:
    """Build a block that runs one statement over and over, unrolled, with `names` as its local variables.

    The statement may use `i`, the number of the loop's turn.
    """
    arguments = ", ".join(names)
    body = "\n        ".join([statement] * UNROLLED)
    source = f"""
def block(n, {arguments}):
    turns = range(n // {UNROLLED})
    start = clock()
    for i in turns:
        {body}
    return clock() - start
"""
    scope: dict[str, object] = {"clock": time.perf_counter_ns}
    exec(compile(source, f"<{statement}>", "exec"), scope)  # the statements are written in this folder
    inner = scope["block"]
    values = tuple(names.values())
    return lambda n: inner(n, *values)  # type: ignore[operator]  # what exec defined has no type


def interleave(
    cases: Mapping[str, Callable[[int], float]],
    *,
    rounds: int,
    block_ms: float = 20,
    most: int = 1_000_000,
    fixed: int | None = None,
) -> dict[str, Timing]:
    """Time the cases in turns.

    Args:
        cases: A block for each name.
        rounds: How many blocks each case runs.
        block_ms: How long a block should take; its size is found by trying.
        most: The largest block.
        fixed: The size of every block, where it must not be found by trying.
    """
    sizes = {name: fixed or _size(block, block_ms, most) for name, block in cases.items()}
    samples: dict[str, list[float]] = {name: [] for name in cases}
    order = list(cases)
    for turn in range(rounds):
        for name in order if turn % 2 == 0 else reversed(order):
            n = sizes[name]
            gc.collect()
            gc.disable()  # a collection in one block and not in the other would be noise
            try:
                samples[name].append(cases[name](n) / n)
            finally:
                gc.enable()
    return {name: Timing.of(each) for name, each in samples.items()}


def _size(block: Callable[[int], float], block_ms: float, most: int) -> int:
    n = UNROLLED
    while n < most:
        spent = block(n)
        if spent >= block_ms * 1e6 / 4:
            return min(most, max(UNROLLED, int(n * block_ms * 1e6 / spent) // UNROLLED * UNROLLED))
        n *= 4
    return most


def is_quick() -> bool:
    """Whether this run should be over in seconds."""
    return "--quick" in sys.argv


def emit(measure: Callable[[bool], list[Row]]) -> None:
    """Run one group and print its rows as JSON: how a group's file ends."""
    json.dump([asdict(row) for row in measure(is_quick())], sys.stdout, indent=2)
    print()
