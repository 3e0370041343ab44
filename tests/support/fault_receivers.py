# SPDX-License-Identifier: Apache-2.0
"""Faulty receivers in a process of their own, so that load and receiver do not wait for one interpreter.

The process reads one JSON command a line and answers with one line. Records of the load carry
`load.run` (the process that emitted) and `load.n`; books are kept in them.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.testing import FaultyReceiver
from telemetry.testing.receiver_books import total
from telemetry.testing.receiver_parsing import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNALS = ("traces", "metrics", "logs")
INCREMENTS = "load.increments"
_TESTS = Path(__file__).resolve().parents[1]


class Tally(NamedTuple):
    """What arrived of one signal; of metrics, in increments of the load's counter.

    Attributes:
        delivered: Stored, each once.
        spooled: In the given files and not delivered.
        duplicated: Stored again.
        records: Spans, log records or points stored, each once, of whatever origin.
        repeated_records: Likewise, stored again.
    """

    delivered: int
    spooled: int
    duplicated: int
    records: int
    repeated_records: int


class Farm:
    """The process; `with Farm() as farm: receiver = farm.receiver()`. Thread-safe."""

    def __enter__(self) -> Farm:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.fault_receivers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_TESTS,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # the process ends at the end of its input
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @contextmanager
    def receiver(self, **settings: Any) -> Iterator[RemoteReceiver]:
        """A receiver of its own."""
        answer = self.command("new", None, settings)
        receiver = RemoteReceiver(self, answer["id"], answer["grpc"], answer["http"])
        try:
            yield receiver
        finally:
            self.command("drop", receiver.id, {})

    def command(self, name: str, receiver: int | None, arguments: dict[str, Any]) -> Any:
        """Has a command carried out and returns its answer."""
        line = json.dumps([name, receiver, arguments])
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline() or '{"error": "the process has ended"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]


class RemoteReceiver:
    """One receiver of the farm: orders as of `FaultyReceiver`."""

    def __init__(self, farm: Farm, number: int, grpc_endpoint: str, http_endpoint: str) -> None:
        self.id = number
        self.endpoints = {"grpc": grpc_endpoint, "http": http_endpoint}
        self._farm = farm

    def order(self, name: str, **arguments: Any) -> None:
        """Gives an order: `order("fail", times=2, status=503)`."""
        self._farm.command("order", self.id, {"name": name, "arguments": arguments})

    def refuse(self) -> None:
        self.order("refuse")

    def accept(self) -> None:
        self.order("accept")

    def heal(self) -> None:
        self.order("heal")

    def tally(self, spooled: list[tuple[str, bytes]] = []) -> dict[str, Tally]:  # noqa: B006  # only read
        """The books by signal; `spooled` are requests that wait on disk."""
        bodies = [(signal, base64.b64encode(body).decode()) for signal, body in spooled]
        answer = self._farm.command("tally", self.id, {"spooled": bodies})
        return {signal: Tally(*figures) for signal, figures in answer.items()}

    def total(self, name: str, **attributes: Any) -> float:
        """A sum's value, as `FaultyReceiver.total` has it."""
        return self._farm.command("total", self.id, {"name": name, "attributes": attributes})

    def requests(self, signal: str | None = None) -> list[dict[str, Any]]:
        """All requests, as `ReceivedRequest` has them."""
        return self._farm.command("requests", self.id, {"signal": signal})

    def identities(self) -> list[str]:
        """The `service.instance.id` of everybody whose metrics arrived."""
        return self._farm.command("identities", self.id, {})

    def durations(self) -> list[float]:
        """Seconds that the load's spans took, smallest first."""
        return self._farm.command("durations", self.id, {})


# -- in the other process ----------------------------------------------------------------------


def serve() -> None:
    receivers: dict[int, FaultyReceiver] = {}
    for line in sys.stdin:
        name, number, arguments = json.loads(line)
        try:
            value = _carry_out(receivers, name, number, arguments)
            answer = json.dumps({"value": value})
        except Exception as error:
            answer = json.dumps({"error": f"{type(error).__name__}: {error}"})
        print(answer, flush=True)
    for receiver in receivers.values():
        receiver.close()


def _carry_out(
    receivers: dict[int, FaultyReceiver], name: str, number: int | None, arguments: dict[str, Any]
) -> Any:
    if name == "new":
        receiver = FaultyReceiver(**arguments)
        number = int(receiver.grpc_endpoint.rpartition(":")[2])
        receivers[number] = receiver
        return {"id": number, "grpc": receiver.grpc_endpoint, "http": receiver.http_endpoint}
    assert number is not None
    if name == "drop":
        receivers.pop(number).close()
        return None
    receiver = receivers[number]
    if name == "order":
        getattr(receiver, arguments["name"])(**arguments["arguments"])
        return None
    if name == "requests":
        return [
            {field: getattr(request, field) for field in request.__dataclass_fields__}
            for request in receiver.requests(arguments["signal"])
        ]
    if name == "total":
        return receiver.total(arguments["name"], **arguments["attributes"])
    if name == "identities":
        return sorted({str(point.resource.get("service.instance.id")) for point in receiver.points()})
    if name == "durations":
        return sorted((span.end_ns - span.start_ns) / 1e9 for span in receiver.spans() if span.name == "load")
    spooled: dict[str, list[Any]] = {signal: [] for signal in SIGNALS}
    for signal, body in arguments["spooled"]:
        spooled[signal] += [record.value for record in parse(signal, base64.b64decode(body))]
    return {signal: _tally(receiver, signal, spooled[signal]) for signal in SIGNALS}


def _tally(receiver: FaultyReceiver, signal: Any, spooled: list[Any]) -> Tally:
    stored: list[Any] = {"traces": receiver.spans, "logs": receiver.logs, "metrics": receiver.points}[
        signal
    ]()
    repeated: list[Any] = list(receiver.repetitions(signal))
    if signal == "metrics":
        known = set(map(repr, stored))
        delivered = round(total(stored, INCREMENTS, {}))
        waiting = [point for point in spooled if repr(point) not in known]
        arrived = round(total([*stored, *waiting], INCREMENTS, {}))
        duplicated = round(sum(p.value for p in repeated if p.name == INCREMENTS and p.is_delta))
        return Tally(delivered, arrived - delivered, duplicated, len(stored), len(repeated))
    known = _numbers(stored)
    duplicated = sum("load.n" in record.attributes for record in repeated)
    return Tally(len(known), len(_numbers(spooled) - known), duplicated, len(stored), len(repeated))


def _numbers(records: list[Any]) -> set[tuple[object, object]]:
    return {
        (record.attributes["load.run"], record.attributes["load.n"])
        for record in records
        if "load.n" in record.attributes
    }


if __name__ == "__main__":
    serve()
