# SPDX-License-Identifier: Apache-2.0
"""The table of faults: what each costs us and the plain SDK, in one run.

Cells are `emitted / delivered / spooled / dropped / duplicated`; for metrics these are increments of a
counter, Σ with cumulative and Δ with delta temporality. What is missing in a cell was lost without a
word; a cell of ours that has such a loss, or an unexplained duplicate, is marked ✗, and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from support.fault_receivers import Farm
from support.fault_rows import INTERVAL_S, ROWS, Row
from support.fault_scene import Books, Scene

PROTOCOLS = ("grpc", "http")
COLUMNS = ("traces", "metrics Σ", "metrics Δ", "logs")
STACKS = {"ours": "ours", "ours, spool": "ours", "plain SDK": "sdk"}
QUICK = 0.1


@dataclass(frozen=True)
class Case:
    """One scene: a row, a stack, a protocol, a temporality."""

    row: Row
    stack: str
    protocol: str
    temporality: str


@dataclass(frozen=True)
class Cell:
    """What became of one signal's records."""

    row: str
    stack: str
    protocol: str
    column: str
    books: Books
    problem: str
    promised: str

    def text(self) -> str:
        lost = f" (lost {self.books.lost}{self.promised})" if self.books.lost else ""
        return f"{'✗ ' if self.problem else ''}{self.books}{lost}"


def cases(rows: list[Row], stacks: list[str]) -> list[Case]:
    return [
        Case(row, stack, protocol, temporality)
        for row in rows
        for stack in stacks
        if row.with_spool or stack != "ours, spool"
        for protocol in PROTOCOLS
        for temporality in ("cumulative", "delta")
        if row.with_delta or temporality == "cumulative"
    ]


def play(farm: Farm, case: Case, scale: float) -> list[Cell]:
    with Scene(
        farm,
        has_spool=case.stack == "ours, spool",
        stack=STACKS[case.stack],
        protocol=case.protocol,
        temporality=case.temporality,
        signals=("traces", "metrics", "logs") if case.temporality == "cumulative" else ("metrics",),
        metric_interval_s=INTERVAL_S,
    ) as scene:
        case.row.play(scene, scale)
        books = scene.books()
    return [
        Cell(
            case.row.name,
            case.stack,
            case.protocol,
            signal if signal != "metrics" else f"metrics {'Σ' if case.temporality == 'cumulative' else 'Δ'}",
            each,
            problem(case, each),
            ", within one interval" if case.row.may_lose and STACKS[case.stack] == "ours" else "",
        )
        for signal, each in books.items()
    ]


def problem(case: Case, books: Books) -> str:
    """What is wrong with a cell of ours; nothing for one of the SDK."""
    if STACKS[case.stack] != "ours":
        return ""
    if not 0 <= books.lost <= case.row.may_lose:
        return f"{books.lost} lost"
    if books.duplicated and not case.row.may_duplicate:
        return f"{books.duplicated} duplicated"
    return ""


def run(todo: list[Case], scale: float, jobs: int) -> tuple[list[Cell], list[str]]:
    """The cells, and the scenes that could not be played."""
    cells: list[Cell] = []
    failures: list[str] = []
    with Farm() as farm, ThreadPoolExecutor(jobs) as pool:
        # The longest first, so that none is alone at the end.
        running = {pool.submit(play, farm, case, scale): case for case in sorted(todo, key=_waits)}
        for number, done in enumerate(as_completed(running), 1):
            case = running[done]
            if sys.stderr.isatty():
                print(f"\r{number} of {len(running)} scenes", end="", file=sys.stderr, flush=True)
            try:
                cells += done.result()
            except Exception as error:
                place = f"{case.row.name}, {case.stack}, {case.protocol}, {case.temporality}"
                failures.append(f"{place}: {type(error).__name__}: {error}")
    return cells, failures


def _waits(case: Case) -> int:
    return 0 if "90 s" in case.row.name else 1 if "30 s" in case.row.name or "hang" in case.row.name else 2


def markdown(rows: list[Row], cells: list[Cell], stacks: list[str]) -> str:
    at = {(cell.row, cell.stack, cell.protocol, cell.column): cell for cell in cells}
    lines = []
    for protocol, title in zip(PROTOCOLS, ("gRPC", "HTTP"), strict=True):
        lines += [
            f"### {title}",
            "",
            "emitted / delivered / spooled / dropped / duplicated",
            "",
            f"| fault | | {' | '.join(COLUMNS)} |",
            f"|---|---|{'---|' * len(COLUMNS)}",
        ]
        for row in rows:
            name = row.name
            for stack in stacks:
                texts = [
                    cell.text() if (cell := at.get((row.name, stack, protocol, column))) is not None else ""
                    for column in COLUMNS
                ]
                if any(texts):
                    lines.append(f"| {name} | {stack} | {' | '.join(texts)} |")
                    name = ""
        lines.append("")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="outages a tenth as long")
    parser.add_argument("--json", type=Path, help="write the cells to this file")
    parser.add_argument("--only", default="", help="rows whose name has this text")
    parser.add_argument("--stacks", default=",".join(STACKS).replace("ours, spool", "spool"))
    parser.add_argument("--jobs", type=int, default=16, help="scenes at a time")
    options = parser.parse_args(arguments)
    rows = [row for row in ROWS if options.only in row.name]
    stacks = [
        {"spool": "ours, spool", "sdk": "plain SDK"}.get(each, each) for each in options.stacks.split(",")
    ]
    begun = time.monotonic()
    cells, failures = run(cases(rows, stacks), QUICK if options.quick else 1.0, options.jobs)
    print(markdown(rows, cells, stacks))
    problems = [cell for cell in cells if cell.problem]
    for cell in problems:
        print(f"✗ {cell.row}, {cell.stack}, {cell.protocol}, {cell.column}: {cell.problem}; {cell.text()}")
    for failure in failures:
        print(f"✗ {failure}")
    print(f"{len(cells)} cells in {time.monotonic() - begun:.0f} s, {len(problems)} unexplained")
    if options.json:
        options.json.write_text(
            json.dumps([{**asdict(cell), "lost": cell.books.lost} for cell in cells], indent=1)
        )
    return 1 if problems or failures else 0
