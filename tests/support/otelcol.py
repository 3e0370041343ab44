# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry Collector as a receiver, on machines that have it on PATH."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.ports import free_port, is_listening
from support.received import Log, Point, Received, Span
from support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


def binary() -> str | None:
    """The Collector's executable, if this machine has one."""
    return shutil.which("otelcol") or shutil.which("otelcol-contrib")


class Otelcol:
    """A running Collector with the same interface as `support.rotel.Rotel`.

    Args:
        read_file: Let its otlpjsonfile receiver read this file too.
    """

    name = "otelcol"

    def __init__(self, read_file: Path | None = None) -> None:
        self.grpc_port = free_port()
        self.http_port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="otelcol-")
        folder = Path(self._folder.name)
        self._output = folder / "received.jsonl"
        receivers: dict[str, object] = {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"127.0.0.1:{self.grpc_port}"},
                    "http": {"endpoint": f"127.0.0.1:{self.http_port}"},
                }
            }
        }
        if read_file is not None:
            receivers["otlpjsonfile"] = {"include": [str(read_file)], "start_at": "beginning"}
        pipeline = {"receivers": list(receivers), "exporters": ["file"]}
        config = folder / "config.yaml"  # JSON is YAML
        config.write_text(
            json.dumps(
                {
                    "receivers": receivers,
                    "exporters": {"file": {"path": str(self._output), "flush_interval": "100ms"}},
                    "service": {
                        "telemetry": {"metrics": {"level": "none"}},
                        "pipelines": {"traces": pipeline, "metrics": pipeline, "logs": pipeline},
                    },
                }
            )
        )
        command = binary()
        assert command is not None
        with (folder / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [command, "--config", str(config)], stdout=output, stderr=subprocess.STDOUT
            )
        try:
            wait_for(
                lambda: is_listening(self.grpc_port) and is_listening(self.http_port), 30, "otelcol's start"
            )
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Otelcol:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def received(self) -> Received:
        """All that arrived so far."""
        return parse(self._output.read_text("utf-8")) if self._output.exists() else Received()

    def wait_for(self, condition: Callable[[Received], object], timeout_s: float = 10.0) -> Received:
        """What arrived as soon as the condition holds for it."""

        def arrived() -> Received | None:
            received = self.received()
            return received if condition(received) else None

        return wait_for(arrived, timeout_s, "arrival at otelcol")  # type: ignore[return-value]  # never None here

    def forget(self) -> None:
        """Start with an empty record."""
        if self._output.exists():
            with self._output.open("r+b") as output:
                output.truncate(0)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


def parse(text: str) -> Received:
    """Read OTLP/JSON lines."""
    points: list[Point] = []
    spans: list[Span] = []
    logs: list[Log] = []
    for line in text.replace("\0", "").splitlines(keepends=True):
        if not line.endswith("\n") or not line.strip():
            continue  # the last line is still being written
        document = json.loads(line)
        for group in document.get("resourceSpans", ()):
            for scope in group.get("scopeSpans", ()):
                spans += [_span(span, _resource(group)) for span in scope.get("spans", ())]
        for group in document.get("resourceLogs", ()):
            for scope in group.get("scopeLogs", ()):
                logs += [_log(log, _resource(group)) for log in scope.get("logRecords", ())]
        for group in document.get("resourceMetrics", ()):
            for scope in group.get("scopeMetrics", ()):
                for metric in scope.get("metrics", ()):
                    points += _points(metric, _resource(group), scope.get("scope", {}).get("name", ""))
    return Received(tuple(points), tuple(spans), tuple(logs))


def _text(value: Any) -> str:
    for kind, inner in value.items():
        if kind == "boolValue":
            return str(inner).lower()
        return inner if isinstance(inner, str) else json.dumps(inner)
    return ""


def _attributes(pairs: Any) -> dict[str, str]:
    return {pair["key"]: _text(pair.get("value", {})) for pair in pairs or ()}


def _resource(group: Any) -> dict[str, str]:
    return _attributes(group.get("resource", {}).get("attributes"))


def _span(span: Any, resource: dict[str, str]) -> Span:
    status = {0: "UNSET", 1: "OK", 2: "ERROR"}[span.get("status", {}).get("code", 0)]
    events = tuple(event.get("name", "") for event in span.get("events", ()))
    return Span(
        span["name"],
        span["traceId"],
        span["spanId"],
        span.get("parentSpanId", ""),
        status,
        _attributes(span.get("attributes")),
        resource,
        events,
    )


def _log(log: Any, resource: dict[str, str]) -> Log:
    return Log(
        _text(log.get("body", {})),
        log.get("severityText", ""),
        log.get("traceId", ""),
        log.get("spanId", ""),
        _attributes(log.get("attributes")),
        resource,
    )


def _points(metric: Any, resource: dict[str, str], scope: str) -> list[Point]:
    kind = next(kind for kind in ("sum", "gauge", "histogram") if kind in metric)
    data = metric[kind]
    return [
        Point(
            metric=metric["name"],
            kind=kind.capitalize(),
            attributes=_attributes(point.get("attributes")),
            value=float(point.get("asInt", point.get("asDouble", point.get("sum", "nan")))),
            count=int(point.get("count", 1)),
            is_delta=data.get("aggregationTemporality") == 1,
            resource=resource,
            scope=scope,
            unit=metric.get("unit", ""),
            time=int(point["timeUnixNano"]),
        )
        for point in data["dataPoints"]
    ]
