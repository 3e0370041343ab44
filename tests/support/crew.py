# SPDX-License-Identifier: Apache-2.0
"""Programs of several processes that share work: each piece records a span, a log record and an increment.

    python -c 'from support import crew; crew.main()' pool spawn

Telemetry's settings come from the environment. The program prints how many pieces were done, and by whom.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import Any

import telemetry
from telemetry.logs.otel_api import LogRecord

_OURS: dict[str, Any] = {}
"""This process's pipeline and counter, or those of the one it was forked from."""

WORKERS = 3
PIECES = 30


def join() -> None:
    """Starts telemetry, unless this process was forked from one that had it."""
    if not _OURS:
        _OURS["pipeline"] = telemetry.init("crew", "1")
        _OURS["increments"] = telemetry.counter("load.increments", "1", "Pieces of work.").bind({})


def work(number: int) -> int:
    """Does one piece of work and returns who did it."""
    marks = {"load.run": str(os.getpid()), "load.n": number}
    with telemetry.observe(name="piece", **marks):
        _OURS["increments"].inc()
    _OURS["pipeline"].logger.emit(LogRecord(body="a piece", attributes=marks))
    return os.getpid()


def work_all(numbers: range) -> None:
    """Does several pieces."""
    join()
    for number in numbers:
        work(number)


def main() -> None:
    shape, *arguments = sys.argv[1:]
    join()
    done = [work(-1)]
    done += {"fork": _fork, "process": _processes, "pool": _pool, "executor": _executor, "many": _many}[
        shape
    ](*arguments)
    done.append(work(-2))
    print(json.dumps({"pieces": len(done), "workers": sorted(set(done))}))


def _shares() -> list[range]:
    return [range(PIECES)[start::WORKERS] for start in range(WORKERS)]


def _fork() -> list[int]:
    """As a server does that forks its workers: they end like any program."""
    children = []
    for share in _shares():
        child = os.fork()
        if child == 0:
            work_all(share)
            sys.exit()
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    return [child for child, share in zip(children, _shares(), strict=True) for _ in share]


def _many(count: str) -> list[int]:
    """Forks and forks while eight threads record; every child records once and ends."""
    done, running = [], True

    def record() -> None:
        while running:
            done.append(work(1000 + next(numbers)))
            time.sleep(0.005)

    numbers = itertools.count()
    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for number in range(int(count)):
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # a child that hangs dies of it
            work(number)
            os._exit(0 if _OURS["pipeline"].shutdown().is_complete else 1)
        assert os.waitpid(child, 0)[1] == 0
        done.append(child)
    running = False
    for thread in threads:
        thread.join()
    return done


def _processes(method: str) -> list[int]:
    context: Any = multiprocessing.get_context(method)
    processes = [context.Process(target=work_all, args=(share,)) for share in _shares()]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return [process.pid for process, share in zip(processes, _shares(), strict=True) for _ in share]


def _pool(method: str) -> list[int]:
    with multiprocessing.get_context(method).Pool(WORKERS, initializer=join) as pool:
        done = pool.map(work, range(PIECES), chunksize=1)  # leaving the pool terminates it
    pool.join()
    return done


def _executor(method: str) -> list[int]:
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(WORKERS, mp_context=context, initializer=join) as executor:
        return list(executor.map(work, range(PIECES)))
