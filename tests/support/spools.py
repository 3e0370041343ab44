# SPDX-License-Identifier: Apache-2.0
"""Spools with books and clocks that tests can read and turn."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections import Counter
from itertools import count
from pathlib import Path
from typing import NamedTuple

from telemetry.spool.disk import Spool
from telemetry.spool.request import Request
from telemetry.spool.stored import StoredFile

_serial = count(1)


class Drop(NamedTuple):
    reason: str
    records: int
    error: str | None
    is_own: bool


class Books(list):
    """Takes what a queue gives up."""

    def __call__(self, reason, records, error, *, is_own):
        self.append(Drop(reason, records, error, is_own))

    def by_reason(self, *, is_own=True):
        counted = Counter()
        for drop in self:
            if drop.is_own == is_own:
                counted[drop.reason] += drop.records
        return dict(counted)


class Clock:
    """A wall clock (ns) and a monotonic one (s) that stand still until they are moved."""

    def __init__(self):
        self.wall_ns = 1_790_000_000 * 10**9
        self.seconds = 1000.0

    def now_ns(self):
        return self.wall_ns

    def monotonic(self):
        return self.seconds

    def move(self, seconds):
        self.wall_ns += int(seconds * 10**9)
        self.seconds += seconds


def request(body=b"body", records=1, signal="logs", created_ns=None):
    """A request that differs from all others by its time and batch id."""
    number = next(_serial)
    return Request(
        signal, records, body, f"{number:032x}", created_ns or 1_790_000_000 * 10**9 + number * 1000
    )


def spool(folder, **settings):
    settings = {"max_bytes": 10**6, "max_files": 1000, "max_age_s": 1e9, "fsync": "off", **settings}
    return Spool(Path(folder), **settings)


def drain(queue):
    """Settles everything; returns (body, is_own) in the order of sending."""
    sent = []
    while (held := queue.peek()) is not None:
        sent.append((held.request.body, held.is_own))
        queue.settle(held)
    return sent


def files(folder):
    """What waits in a folder, by name."""
    found = [StoredFile.parse(path.name) for path in Path(folder).iterdir()]
    return sorted(file for file in found if file is not None)


_PRELUDE = """
import json, os, signal, sys, time
from pathlib import Path
from support.spools import Books, drain, files, request, spool
def say(value):
    print(json.dumps(value), flush=True)
books = Books()
"""


class Process:
    """A Python process that talks by lines of JSON."""

    def __init__(self, code, *arguments):
        self._popen = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
                + _PRELUDE
                + textwrap.dedent(code),
                *map(str, arguments),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self._popen.pid

    def hear(self):
        """The next thing that it says."""
        line = self._popen.stdout.readline()
        assert line, "the process ended early"
        return json.loads(line)

    def tell(self, word="go"):
        self._popen.stdin.write(f"{word}\n")
        self._popen.stdin.flush()

    def kill(self):
        self._popen.kill()
        self._popen.communicate()

    def end(self):
        assert self._popen.wait(30) == 0
        self._popen.communicate()
