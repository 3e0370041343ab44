# SPDX-License-Identifier: Apache-2.0
"""Exports of audit logs: in this process, and in processes that are ended in every way."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.json_receiver import spans_in

from telemetry.audit.exporting.delivery import deliver
from telemetry.audit.exporting.export import export_to
from telemetry.audit.exporting.options import DeliveryOptions, ExportOptions

if TYPE_CHECKING:
    from telemetry.audit.exporting.summary import Summary

_TESTS = Path(__file__).resolve().parents[1]


class Run:
    """What an export wrote, said and came to."""

    def __init__(self, output: bytes, said: list[str], summary: Summary) -> None:
        self.output = output
        self.said = said
        self.summary = summary

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.output.splitlines()]

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [span for document in self.documents for span in spans_in(document)]

    def values(self, key: str) -> list[Any]:
        """The values of one attribute, span by span; None where a span has none."""
        return [value_of(span, key) for span in self.spans]


def value_of(span: dict[str, Any], key: str) -> Any:
    return next(
        (next(iter(each["value"].values())) for each in span["attributes"] if each["key"] == key), None
    )


def export(*logs: Path | str, **options: Any) -> Run:
    output, said = io.BytesIO(), []
    summary = export_to(output, logs, ExportOptions(**options), say=said.append)
    return Run(output.getvalue(), said, summary)


def delivered(*logs: Path | str, spans: ExportOptions | None = None, **options: Any) -> Run:
    said: list[str] = []
    summary = deliver(logs, DeliveryOptions(**options), spans or ExportOptions(), say=said.append)
    return Run(b"", said, summary)


class Exporter:
    """An export that follows, in a process of its own; to its stdout, or to an endpoint."""

    def __init__(self, log: Path, endpoint: str = "", **options: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.audit_exports", str(log), endpoint, json.dumps(options)],
            cwd=_TESTS,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.said = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> bytes:
        """The next line of its output."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._read()

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 20) -> int:
        """Asks it to end; returns its exit code."""
        self._process.send_signal(number)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 20) -> int:
        try:
            self._read(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the exporter did not end; it said {self.said}") from None
        return self._process.returncode

    def __enter__(self) -> Exporter:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running():
            self.kill()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def _read(self, timeout_s: float | None = None) -> None:
        output, said = self._process.communicate(timeout=timeout_s)
        self.output, self.said = output, self.said + said.decode()


def main(log: str, endpoint: str, options: str) -> int:
    given = json.loads(options)
    spans = ExportOptions(batch=given.pop("batch", 512))
    if endpoint:
        summary = deliver([log], DeliveryOptions(endpoint=endpoint, **{"follow": True, **given}), spans)
    else:
        summary = export_to(sys.stdout.buffer, [log], spans, follow=True)
    sys.stderr.write(
        f"{summary.problem}\n" * bool(summary.problem) + summary.as_text(is_delivery=bool(endpoint)) + "\n"
    )
    return summary.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
