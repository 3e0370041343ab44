# SPDX-License-Identifier: Apache-2.0
"""A scene: a receiver, a load, and at the end the books.

with Scene(farm, protocol="grpc") as scene:
    load = scene.load(count=200)
    load.reach(50)
    scene.receiver.refuse()
    ...
    load.end()
    assert scene.books()["traces"] == Books(emitted=200, delivered=200)
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from signal import SIGTERM, Signals
from typing import TYPE_CHECKING, Any, NamedTuple

from support.fault_load import SIGNALS, SIZE
from support.fault_stacks import LoadOptions
from support.waiting import wait_for

if TYPE_CHECKING:
    from support.fault_receivers import Farm, Tally

_TESTS = Path(__file__).resolve().parents[1]


class Books(NamedTuple):
    """What became of the records of one signal; of metrics, of the counter's increments.

    Attributes:
        emitted: By the load, in all its processes.
        delivered: Known to the receiver.
        spooled: On disk, and not delivered.
        dropped: Given up, and said so.
        duplicated: Known to the receiver more than once.
    """

    emitted: int
    delivered: int
    spooled: int = 0
    dropped: int = 0
    duplicated: int = 0

    @property
    def lost(self) -> int:
        """What nobody tells of; negative when more is told than was emitted."""
        return self.emitted - self.delivered - self.spooled - self.dropped

    def __str__(self) -> str:
        return " / ".join(map(str, self))


class Load:
    """A running load program."""

    def __init__(self, options: LoadOptions, environment: dict[str, str]) -> None:
        self.options = options
        self._folder = Path(options.books)
        ours = ("OTEL_", "KAIROS_", "COVERAGE_")  # coverage would slow the load and save at its end
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in close()
        self.process = subprocess.Popen(
            # As a script, not with -m: then an unhandled SIGINT ends Python as the signal does.
            [sys.executable, "-P", str(_TESTS / "support" / "fault_load.py"), options.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=_TESTS,
            env={**inherited, "PYTHONPATH": str(_TESTS), **environment},
        )
        self.ended_s = 0.0
        self._asked_s = 0.0
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def emitted(self) -> int:
        """Records per signal so far, in its slowest signal."""
        done = [numbers[1] for signal, numbers in self.counts().items() if signal in self.options.signals]
        return min(done)

    def counts(self) -> dict[str, tuple[int, int]]:
        """Records begun and records done, of the main process and its children."""
        totals = dict.fromkeys(SIGNALS, (0, 0))
        for file in self._folder.glob("*.count"):
            data = file.read_bytes()
            if len(data) == SIZE:
                figures = struct.unpack_from("6q", data)
                for index, signal in enumerate(SIGNALS):
                    begun, done = totals[signal]
                    totals[signal] = (begun + figures[2 * index], done + figures[2 * index + 1])
        return totals

    def reach(self, count: int, timeout_s: float = 120.0) -> None:
        """Waits until so many records per signal are emitted."""
        wait_for(lambda: self.emitted() >= count or self._has_ended(), timeout_s, f"record {count}")
        assert self.emitted() >= count, self.errors()

    def all_emitted(self, timeout_s: float = 180.0) -> None:
        """Waits until the load has nothing more to emit."""
        there = self._folder / f"{self.pid}.emitted"
        wait_for(lambda: there.exists() or self._has_ended(), timeout_s, "the last record")
        assert there.exists(), self.errors()

    def flush(self, timeout_s: float) -> Any:
        """Has the load flush and returns what it said: `seconds`, `result`."""
        return self._ask(f"flush {timeout_s}")

    def shutdown(self, timeout_s: float) -> Any:
        """Has the load shut its pipeline down and returns what it said: `seconds`, `result`."""
        return self._ask(f"shutdown {timeout_s}")

    def send(self, number: Signals) -> None:
        """Sends a signal; from now on counts what `seconds_to_end` measures."""
        self._asked_s = time.monotonic()
        self.process.send_signal(number)

    def end(self, timeout_s: float = 180.0) -> int:
        """Waits for the end and returns the exit status."""
        self._watcher.join(timeout_s)
        assert not self._watcher.is_alive(), f"the load did not end within {timeout_s} s\n{self.errors()}"
        return self.process.wait()

    @property
    def seconds_to_end(self) -> float:
        """From the last instruction of the load, or the signal, to the end of the process."""
        begun_ns = struct.unpack_from("q", (self._folder / f"{self.pid}.count").read_bytes(), SIZE - 8)[0]
        return self.ended_s - (self._asked_s or begun_ns / 1e9)

    def report(self) -> dict[str, Any] | None:
        """What the stack said at the end: FlushResult and status; None when it said nothing."""
        file = self._folder / f"{self.pid}.report"
        return json.loads(file.read_text()) if file.exists() else None

    def errors(self) -> str:
        """What it wrote to stderr."""
        self._errors.seek(0)
        return self._errors.read()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._watcher.join()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self._errors.close()

    def _ask(self, what: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def _watch(self) -> None:
        self.process.wait()
        self.ended_s = time.monotonic()

    def _has_ended(self) -> bool:
        return self.process.poll() is not None


class Scene:
    """Receiver, folder and loads of one test.

    Args:
        farm: Where the receiver lives.
        has_spool: Whether our stack gets a spool directory.
        receiver: Settings of the receiver.
        **options: Of every load, unless it says otherwise.
    """

    def __init__(
        self, farm: Farm, *, has_spool: bool = False, receiver: dict[str, Any] | None = None, **options: Any
    ) -> None:
        self._farm = farm
        self._receiver_settings = receiver or {}
        self._options = options
        self._has_spool = has_spool
        self._stack = ExitStack()
        self.loads: list[Load] = []

    def __enter__(self) -> Scene:
        self.receiver = self._stack.enter_context(self._farm.receiver(**self._receiver_settings))
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="scene-")))
        self.spool = self.folder / "spool" if self._has_spool else None
        return self

    def __exit__(self, *_: object) -> None:
        for load in self.loads:
            load.close()
        self._stack.close()

    def load(self, *, environment: dict[str, str] | None = None, **options: Any) -> Load:
        """Starts a load."""
        given = {**self._options, **options}
        protocol = given.get("protocol", "grpc")
        books = self.folder / f"books-{len(self.loads)}"
        books.mkdir()
        spool = str(self.spool) if self.spool is not None and given.get("stack", "ours") == "ours" else None
        all_options = {
            "endpoint": self.receiver.endpoints[protocol],
            "books": str(books),
            "spool_dir": spool,
            **given,
        }
        load = Load(LoadOptions(**all_options), environment or {})
        self.loads.append(load)
        return load

    def start_again(self) -> None:
        """Starts a process that emits nothing, and sends what the spool holds."""
        self.load(count=0, signals=(), exit="wait")

    def drain(self, timeout_s: float = 15.0) -> None:
        """Waits until that process has sent everything, and ends it."""
        wait_for(lambda: not self.spooled(), timeout_s, "an empty spool")
        self.loads[-1].send(SIGTERM)
        self.loads[-1].end()

    def spooled(self) -> list[tuple[str, bytes]]:
        """Signal and message of every request in the spool."""
        return [] if self.spool is None else read_spool(self.spool)

    def tally(self) -> dict[str, Tally]:
        """What the receiver has, and what the spool holds beyond it."""
        return self.receiver.tally(self.spooled())

    def books(self) -> dict[str, Books]:
        """The books of every signal that the loads emitted."""
        tally = self.tally()
        emitted_by = [(load, load.counts()) for load in self.loads]
        names = [name for name in SIGNALS if any(name in load.options.signals for load in self.loads)]
        return {
            name: _books(name, tally[name], [counts[name] for _, counts in emitted_by], self._dropped(name))
            for name in names
        }

    def assert_nothing_lost(self, *, duplicated: bool = False) -> None:
        """Every record is delivered, in the spool, or given up with a reason; none is there twice."""
        books = self.books()
        shown = "\n".join(f"{name}: {each} (lost {each.lost})" for name, each in books.items())
        titles = "emitted / delivered / spooled / dropped / duplicated"
        assert not any(each.lost for each in books.values()), f"{titles}\n{shown}\n{self.loads[-1].errors()}"
        if not duplicated:
            assert not any(each.duplicated for each in books.values()), f"{titles}\n{shown}"

    def assert_all_delivered(self) -> None:
        """Nothing is lost, and nothing waits or was given up."""
        self.assert_nothing_lost()
        for name, each in self.books().items():
            assert each.delivered == each.emitted, (name, str(each), self.loads[-1].errors())

    def _dropped(self, name: str) -> int:
        reports = [report for load in self.loads if (report := load.report()) is not None]
        return sum(report["result"][name]["dropped"] for report in reports)


def _books(name: str, tally: Tally, counts: list[tuple[int, int]], dropped: int) -> Books:
    begun, done = sum(each[0] for each in counts), sum(each[1] for each in counts)
    arrived = tally.delivered + tally.spooled
    if name == "metrics" and dropped:
        # Points were given up, which are of many increments each: they account for what is missing.
        dropped = max(0, done - arrived)
    # A process that was killed in the middle of a call may or may not have recorded it.
    emitted = max(done, min(begun, arrived + dropped))
    return Books(emitted, tally.delivered, tally.spooled, dropped, tally.duplicated)


def read_spool(folder: Path) -> list[tuple[str, bytes]]:
    """Every request that waits in a spool directory."""
    from telemetry.spool.stored import StoredFile, decode

    found = []
    for path in sorted(folder.glob("*/*")):
        file = StoredFile.parse(path.name)
        if file is not None:
            try:
                request = decode(path.read_bytes(), file)
            except FileNotFoundError:  # sent in this moment
                continue
            found.append((request.signal, request.body))
    return found
