# SPDX-License-Identifier: Apache-2.0
"""How long record calls take, or how long an event loop stands still, while telemetry exports.

python -m support.record_times calls|asyncio|gevent|gevent-told
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from time import perf_counter, sleep
from typing import Any

SECONDS = 1.2


def main() -> None:
    kind = sys.argv[1]
    if kind.startswith("gevent"):
        from gevent import monkey

        monkey.patch_all()
        if kind == "gevent-told":
            from grpc.experimental.gevent import init_gevent

            init_gevent()
    import telemetry

    pipeline = telemetry.init("times", "1")
    print(json.dumps({"calls": _calls, "asyncio": _asyncio}.get(kind, _gevent)(pipeline)))


def _record(pipeline: Any, number: int) -> list[float]:
    """Makes the calls that a program makes, and returns when each ended, after when the first began."""
    import telemetry
    from telemetry.logs.otel_api import LogRecord

    marks = [perf_counter()]
    with telemetry.observe("tool", name="work", number=number):
        marks.append(perf_counter())
        telemetry.record_error(TimeoutError("late"), component="llm")
        marks.append(perf_counter())
    marks.append(perf_counter())
    telemetry.counter("work.done").bind({"kind": number % 7}).inc()
    marks.append(perf_counter())
    pipeline.logger.emit(LogRecord(body="said", attributes={"number": number}))
    marks.append(perf_counter())
    return marks


def _calls(pipeline: Any) -> dict[str, float]:
    times: list[float] = []
    end, number = perf_counter() + SECONDS, 0
    while perf_counter() < end:
        for _ in range(50):
            times += [later - earlier for earlier, later in pairwise(_record(pipeline, number))]
            number += 1
        sleep(0.02)
    times.sort()
    return {"p99.9": times[int(len(times) * 0.999)], "calls": len(times)}


def _gap_of(beats: list[float]) -> dict[str, float]:
    return {"gap": max(later - earlier for earlier, later in pairwise(beats))}


def _asyncio(pipeline: Any) -> dict[str, float]:
    import asyncio

    async def beat() -> list[float]:
        beats, end = [perf_counter()], perf_counter() + SECONDS
        while beats[-1] < end:
            await asyncio.sleep(0.002)
            _record(pipeline, len(beats))
            beats.append(perf_counter())
        return beats

    return _gap_of(asyncio.run(beat()))


def _gevent(pipeline: Any) -> dict[str, float]:
    import gevent

    beats, end = [perf_counter()], perf_counter() + SECONDS
    while beats[-1] < end:
        gevent.sleep(0.002)
        _record(pipeline, len(beats))
        beats.append(perf_counter())
    flushing = gevent.spawn(pipeline.force_flush, 0.2)  # waits, and lets the others go on
    while not flushing.ready():
        gevent.sleep(0.002)
        beats.append(perf_counter())
    return _gap_of(beats)


if __name__ == "__main__":
    main()
