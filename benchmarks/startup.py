# SPDX-License-Identifier: Apache-2.0
"""P7 and P8: whole processes, from the start of the interpreter to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import programs
from harness import Row, Timing, WrongResultError, at_most, check, emit, interleave
from receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable

# Without settings; and with bytecode, which every installed package has, and so our source must be given.
OMITTED = ("OTEL_", "KAIROS_", "COVERAGE_", "PYTHONDONTWRITEBYTECODE")
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(OMITTED)}


def measure(is_quick: bool) -> list[Row]:
    return [*_import(40 if is_quick else 200), *_init(8 if is_quick else 40)]


def _import(rounds: int) -> list[Row]:
    for program in (programs.IMPORT, programs.INIT_NONE):
        loaded = _output(program + programs.MODULES)
        check(loaded == "[]", f"{program!r} imported {loaded}")
    timings = interleave(
        {
            name: _process(text)
            for name, text in (
                ("bare", programs.BARE),
                ("import", programs.IMPORT),
                ("none", programs.INIT_NONE),
            )
        },
        rounds=rounds,
        fixed=1,
    )
    return [
        _more("P7", "import telemetry", timings["import"], timings["bare"], 3),
        _more("P7", "import, init(exporter='none')", timings["none"], timings["bare"], 5),
    ]


def _init(rounds: int) -> list[Row]:
    with Receiver() as receiver:

        def delivering(program: str) -> Callable[[int], float]:
            run = _process(program.format(endpoint=receiver.endpoint))

            def block(n: int) -> float:
                receiver.clear()
                spent = run(n)
                check(
                    receiver.total("kairos.errors.total") == 1,
                    "the error was not delivered as a metric, once",
                )
                names = [span.name for span in receiver.spans()]
                check(names == ["work"], f"the spans {names} were delivered instead of one")
                check(
                    [event.name for event in receiver.spans()[0].events] == ["exception"],
                    "the span lacks its exception",
                )
                return spent

            return block

        timings = interleave(
            {
                "ours": _process(programs.OURS.format(endpoint=receiver.endpoint)),
                "by hand": _process(programs.BY_HAND.format(endpoint=receiver.endpoint)),
                "ours, error": delivering(programs.OURS_ERROR),
                "by hand, error": delivering(programs.BY_HAND_ERROR),
            },
            rounds=rounds,
            fixed=1,
        )
    peer = "by hand on the SDK"
    return [
        at_most(
            "P8", "init('otlp'), nothing recorded", timings["ours"], peer, timings["by hand"], 1.1, unit="ms"
        ),
        at_most(
            "P8",
            "init('otlp'), an error delivered",
            timings["ours, error"],
            peer,
            timings["by hand, error"],
            1.1,
            unit="ms",
        ),
    ]


def _process(program: str) -> Callable[[int], float]:
    """A block of whole runs of one program; its result is in nanoseconds like every block's."""
    _output(program)  # once, so that its bytecode is written

    def run(n: int) -> float:
        start = time.perf_counter_ns()
        for _ in range(n):
            _output(program)
        return time.perf_counter_ns() - start

    return run


def _output(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT,
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode or done.stderr:
        raise WrongResultError(f"exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def _more(row_id: str, what: str, ours: Timing, bare: Timing, limit_ms: float) -> Row:
    more = (ours.median - bare.median) / 1e6
    target = f"<= {limit_ms:g} ms"
    return Row(
        row_id,
        what,
        ours,
        "bare Python",
        bare,
        more,
        target,
        more <= limit_ms,
        unit="ms",
        ratio_unit=" ms more",
    )


if __name__ == "__main__":
    emit(measure)
