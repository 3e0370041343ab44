# SPDX-License-Identifier: Apache-2.0
"""rotel, a real OTLP collector, as a receiver that tells what arrived.

Its only readable output is the text of its debug log, which this module parses.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from support.debian import missing
from support.ports import free_port, is_listening
from support.received import Log, Point, Received, Span
from support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


@functools.cache
def binary() -> tuple[Path, str | None]:
    """The collector's executable inside the installed package, and the library that it does not find.

    It is linked against Python's shared library, which few interpreters bring where it is looked for.
    """
    spec = importlib.util.find_spec("rotel")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).with_name("rotel-agent")
    tried = subprocess.run(
        [path, "--version"], check=False, capture_output=True, text=True, env=environment()
    )
    lacks = re.search(r"libpython[\w.]+(?=: cannot open)", tried.stderr)
    return path, lacks and lacks[0]


def environment() -> dict[str, str]:
    """Ours, and where this interpreter has its own shared library."""
    folders = [os.environ.get("LD_LIBRARY_PATH"), sysconfig.get_config_var("LIBDIR")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folder for folder in folders if folder)}


class Rotel:
    """A running collector: `with Rotel() as receiver: ...; receiver.wait_for(lambda got: got.spans)`.

    Args:
        grpc_port: Where to listen for gRPC; default: a free port.
    """

    name = "rotel"

    def __init__(self, grpc_port: int | None = None) -> None:
        path, lacks = binary()
        if lacks is not None:
            missing(f"{lacks}, which rotel needs,", lacks.removesuffix(".so.1.0"))
        self.grpc_port = grpc_port or free_port()
        self.http_port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="rotel-")
        self._output = Path(self._folder.name) / "output.txt"
        command = [str(path), "start", "--exporter", "blackhole"]
        command += ["--otlp-grpc-endpoint", f"127.0.0.1:{self.grpc_port}"]
        command += ["--otlp-http-endpoint", f"127.0.0.1:{self.http_port}"]
        command += ["--debug-log-verbosity", "detailed"]
        for signal in ("traces", "metrics", "logs"):
            command += ["--debug-log", signal]
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=self._folder.name, env=environment()
            )
        try:
            wait_for(
                lambda: is_listening(self.grpc_port) and is_listening(self.http_port), what="rotel's start"
            )
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Rotel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def received(self) -> Received:
        """All that arrived so far."""
        return parse(self._output.read_text("utf-8", "replace"))

    def wait_for(self, condition: Callable[[Received], object], timeout_s: float = 10.0) -> Received:
        """What arrived as soon as the condition holds for it."""

        read_before = ""

        def arrived() -> Received | None:
            nonlocal read_before
            text = self._output.read_text("utf-8", "replace")
            was_still, read_before = text == read_before, text
            if not was_still:  # else half of a payload might be taken for the whole
                return None
            received = parse(text)
            return received if condition(received) else None

        return wait_for(arrived, timeout_s, "arrival at rotel")  # type: ignore[return-value]  # never None here

    def forget(self) -> None:
        """Start with an empty record; rotel goes on appending to it."""
        os.truncate(self._output, 0)

    def kill(self) -> None:
        """Ends the collector without a good-bye; what it printed can still be read."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


_PAYLOAD = re.compile(r"^Resource(Spans|Log|Metrics) #\d+$", re.MULTILINE)
_SCOPE = re.compile(r"^Scope(?:Spans|Logs|Metrics) #\d+$", re.MULTILINE)
_ATTRIBUTE = re.compile(
    r"^ {5}-> (?P<key>[^\n]*?): (?P<kind>\w+)\((?P<value>.*?)\)$(?=\n|\Z)", re.MULTILINE | re.DOTALL
)
_SPAN = re.compile(
    r"^ {4}Trace ID {7}: (?P<trace>\w*)\n {4}Parent ID {6}: (?P<parent>\w*)\n {4}ID {13}: (?P<id>\w*)\n"
    r" {4}Name {11}: (?P<name>.*?)\n {4}Kind {11}: \w+\n.*?Status code {4}: STATUS_CODE_(?P<status>\w+)$",
    re.MULTILINE | re.DOTALL,
)
_LOG = re.compile(
    r"SeverityText: (?P<severity>[^\n]*)\n.*?^Body: (?:\w+\()?(?P<body>.*?)\)?\n"
    r"(?P<attributes>Attributes:\n.*?)? {4}Trace ID {7}: (?P<trace>\w*)\n {4}Span ID {8}: (?P<span>\w*)$",
    re.MULTILINE | re.DOTALL,
)


def parse(text: str) -> Received:
    """Read the collector's debug output."""
    points: list[Point] = []
    spans: list[Span] = []
    logs: list[Log] = []
    for signal, payload in _sections(_PAYLOAD, text):
        head, *scopes = _SCOPE.split(payload)
        resource = _attributes(head)
        for scope in scopes:
            if signal == "Spans":
                spans += _spans(scope, resource)
            elif signal == "Log":
                logs += _logs(scope, resource)
            else:
                points += _points(scope, resource)
    return Received(tuple(points), tuple(spans), tuple(logs))


def _sections(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    found = list(pattern.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=False):  # ends has one more when nothing was found
        yield match[1], text[match.end() : end]


def _attributes(text: str) -> dict[str, str]:
    return {match["key"]: match["value"] for match in _ATTRIBUTE.finditer(text)}


def _spans(scope: str, resource: dict[str, str]) -> Iterator[Span]:
    for text in re.split(r"^Span #\d+$", scope, flags=re.MULTILINE)[1:]:
        span = _SPAN.search(text)
        assert span is not None, text
        own, *events = re.split(r"^SpanEvent #\d+$", text, flags=re.MULTILINE)
        names = tuple(re.findall(r"^ {5}-> Name: (.*)$", event, re.MULTILINE)[0] for event in events)
        yield Span(
            span["name"],
            span["trace"],
            span["id"],
            span["parent"],
            span["status"],
            _attributes(own),
            resource,
            names,
        )


def _logs(scope: str, resource: dict[str, str]) -> Iterator[Log]:
    for text in re.split(r"^LogRecord #\d+$", scope, flags=re.MULTILINE)[1:]:
        log = _LOG.search(text)
        assert log is not None, text
        attributes = _attributes(log["attributes"] or "")
        yield Log(log["body"], log["severity"], log["trace"], log["span"], attributes, resource)


def _points(scope: str, resource: dict[str, str]) -> Iterator[Point]:
    scope_name = re.findall(r"^InstrumentationScope (\S*)", scope, re.MULTILINE)[0]
    for metric in re.split(r"^Metric #\d+$", scope, flags=re.MULTILINE)[1:]:
        head, *points = re.split(r"^\w*DataPoints #\d+$", metric, flags=re.MULTILINE)
        facts = dict(re.findall(r"^ {5}-> (\w+): (.*)$", head, re.MULTILINE))
        for text in points:
            own, *_ = re.split(r"^Exemplars:$", text, flags=re.MULTILINE)
            figures = dict(re.findall(r"^(\w+): (\S+)$", own, re.MULTILINE))
            yield Point(
                metric=facts["Name"],
                kind=facts["DataType"],
                attributes=_attributes(own),
                value=float(figures.get("Value", figures.get("Sum", "nan"))),
                count=int(figures.get("Count", 1)),
                is_delta=facts.get("AggregationTemporality") == "AGGREGATION_TEMPORALITY_DELTA",
                resource=resource,
                scope=scope_name,
                unit=facts["Unit"],
                time=int(figures["Timestamp"]),
            )
