# SPDX-License-Identifier: Apache-2.0
"""A program that emits numbered records at a rate and ends as it is told; its books survive it.

    python tests/support/fault_load.py '{"endpoint": ..., "books": ...}'

Every process counts in a file of its own in the folder `books`, before and after each record, so
that the truth is known also when it is killed between two instructions.
"""

from __future__ import annotations

import atexit
import json
import mmap
import multiprocessing
import os
import random
import select
import struct
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.fault_stacks import STACKS, LoadOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fault_stacks import Stack

SIGNALS = ("traces", "metrics", "logs")
_SLOTS = {signal: index for index, signal in enumerate(SIGNALS)}
SIZE = 8 * (2 * len(SIGNALS) + 1)
"""Two counts for each signal, and the time at which the process began to end."""


class Count:
    """The counts of this process in a file that outlives it."""

    def __init__(self, folder: str) -> None:
        with Path(folder, f"{os.getpid()}.count").open("w+b") as file:
            file.truncate(SIZE)
            self._map = mmap.mmap(file.fileno(), SIZE)

    def begin(self, signal: str) -> None:
        self._increase(2 * _SLOTS[signal])

    def done(self, signal: str) -> None:
        self._increase(2 * _SLOTS[signal] + 1)

    def begin_to_end(self) -> None:
        struct.pack_into("q", self._map, SIZE - 8, time.clock_gettime_ns(time.CLOCK_MONOTONIC))

    def _increase(self, slot: int) -> None:
        (value,) = struct.unpack_from("q", self._map, 8 * slot)
        struct.pack_into("q", self._map, 8 * slot, value + 1)


def emit_all(stack: Stack, options: LoadOptions, count: Count) -> None:
    for number in _paced_at_random(options) if options.seconds else _paced(options):
        for signal in options.signals:
            count.begin(signal)
            stack.emit[signal](number)
            count.done(signal)


def _paced(options: LoadOptions) -> Iterator[int]:
    begun = time.monotonic()
    for number in range(options.count):
        if options.rate:
            wait = begun + number / options.rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
        yield number


def _paced_at_random(options: LoadOptions) -> Iterator[int]:
    """Bursts and pauses; on average the rate."""
    dice = random.Random(options.seed)
    end = time.monotonic() + options.seconds
    number = 0
    while time.monotonic() < end:
        burst = dice.randint(1, 40) if dice.random() < 0.9 else 400
        yield from range(number, number + burst)
        number += burst
        pause = burst / options.rate * dice.uniform(0.5, 1.5)
        time.sleep(max(0.0, min(pause, end - time.monotonic())))


class _Inherited:
    """What children of `fork` find: the stack and the options of their parent."""

    stack: Any = None
    options: Any = None


def emit_in_child(_: object = None) -> None:
    emit_all(_Inherited.stack, _Inherited.options, Count(_Inherited.options.books))


def emit_in_children(stack: Stack, options: LoadOptions) -> None:
    _Inherited.stack, _Inherited.options = stack, options
    context = multiprocessing.get_context("fork")
    if options.shape == "fork":
        child = context.Process(target=emit_in_child)
        child.start()
        child.join()
        return
    pool = context.Pool(2)
    # As most programs do it: no join, the pool is terminated by leaving it.
    with pool:
        pool.map(_emit_one_by_one, range(options.count), chunksize=10)


def _emit_one_by_one(number: int) -> None:
    options, stack = _Inherited.options, _Inherited.stack
    count = _count_of_this_process(options.books)
    if options.rate:
        time.sleep(1 / options.rate)
    for signal in options.signals:
        count.begin(signal)
        stack.emit[signal](number)
        count.done(signal)


_COUNTS: dict[int, Count] = {}


def _count_of_this_process(folder: str) -> Count:
    pid = os.getpid()
    if pid not in _COUNTS:
        _COUNTS[pid] = Count(folder)
    return _COUNTS[pid]


def write(options: LoadOptions, kind: str, content: object) -> None:
    """Writes a report in one go: whoever waits for it never reads half of it."""
    temporary = Path(options.books, f"{os.getpid()}.{kind}.new")
    temporary.write_text(json.dumps(content))
    temporary.replace(temporary.with_suffix(""))


def take_requests(stack: Stack, options: LoadOptions) -> None:
    """Flushes or shuts down when the test writes `flush 0.5` on stdin, and prints what came of it."""
    while line := os.read(0, 100):  # `sys.stdin` has a lock that the interpreter wants at its end
        what, timeout_s = line.split()
        print(json.dumps(stack.end(what.decode(), float(timeout_s))), flush=True)


def sleep_under_faketime() -> None:
    """libfaketime takes what `time.sleep` asks of the monotonic clock for wall time, and it fails."""
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        time.sleep = lambda seconds: select.select((), (), (), seconds) and None


def main() -> None:
    sleep_under_faketime()
    options = LoadOptions(**json.loads(sys.argv[1]))
    parent = os.getpid()
    stack: Stack | None = None

    def report() -> None:
        if os.getpid() == parent and stack is not None:
            write(options, "report", stack.report())

    atexit.register(report)  # before the stack's own, so that it runs after them
    stack = STACKS[options.stack](options)
    threading.Thread(target=take_requests, args=(stack, options), daemon=True).start()
    count = _count_of_this_process(options.books)
    write(options, "started", parent)
    if options.shape in ("fork", "pool"):
        emit_in_children(stack, options)
    else:
        emit_all(stack, options, count)
    write(options, "emitted", parent)
    time.sleep(options.linger_s)
    if options.exit == "wait":
        while True:
            time.sleep(60)
    count.begin_to_end()
    leave(options.exit)


def leave(how: str) -> None:
    if how == "sys.exit":
        sys.exit(3)
    elif how == "exception":
        raise RuntimeError("the load ends like this")
    elif how == "_exit":
        os._exit(4)
    elif how == "execv":
        os.execv(sys.executable, [sys.executable, "-c", "pass"])


if __name__ == "__main__":
    main()
