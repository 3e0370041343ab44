# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import Link, StatusCode
from support.providers import providers

from telemetry.config import load_config
from telemetry.exporters import stdout
from telemetry.exporters.sdk_logs import LogRecordExportResult
from telemetry.exporters.stdout import StdoutLogExporter, StdoutMetricExporter, StdoutSpanExporter
from telemetry.exporters.stdout_json import metrics_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

NOTHING = MetricsData(resource_metrics=[])
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


def documents(text: str) -> list[dict[str, Any]]:
    """All JSON documents of a text, as `jq` reads them."""
    found, decoder = [], json.JSONDecoder()
    text = text.lstrip()
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    with providers(stdout.build(load_config("svc", "1"))) as sdk:
        sdk.record_everything()
    return {next(iter(document)): document for document in documents(capsys.readouterr().out)}


def metric(document: dict[str, Any], name: str) -> dict[str, Any]:
    metrics = document["ResourceMetrics"][0]["ScopeMetrics"][0]["Metrics"]
    return next(metric for metric in metrics if metric["Name"] == name)


def test_a_counter_has_the_shape_of_the_guide(capsys):
    document = printed(capsys)["ResourceMetrics"]
    group = document["ResourceMetrics"][0]
    assert group["Resource"]["Attributes"] == {"service.name": "tested", "service.version": "1.2.3"}
    assert group["ScopeMetrics"][0]["Scope"] == {"Name": "kairos.telemetry", "Version": "0.1"}
    errors = metric(document, "kairos.errors.total")
    assert list(errors) == ["Name", "Description", "Unit", "Sum"]
    assert errors["Sum"]["Temporality"] == "CumulativeTemporality"
    assert errors["Sum"]["IsMonotonic"] is True
    point = errors["Sum"]["DataPoints"][0]
    assert list(point) == ["Attributes", "StartTime", "Time", "Value", "Exemplars"]
    assert point["Attributes"] == {"error.code": "timeout", "component": "llm", "recoverable": "true"}
    assert point["Value"] == 3
    assert RFC3339.fullmatch(point["StartTime"])
    assert RFC3339.fullmatch(point["Time"])


def test_exemplars_name_the_span_that_was_current(capsys):
    everything = printed(capsys)
    exemplar = metric(everything["ResourceMetrics"], "kairos.errors.total")["Sum"]["DataPoints"][0][
        "Exemplars"
    ][0]
    spans = everything["ResourceSpans"]["ResourceSpans"][0]["ScopeSpans"][0]["Spans"]
    assert exemplar["TraceID"] == spans[1]["SpanContext"]["TraceID"]
    assert exemplar["SpanID"] == spans[1]["SpanContext"]["SpanID"]
    assert exemplar["Value"] == 3


def test_a_gauge_has_a_start_time_too(capsys):
    health = metric(printed(capsys)["ResourceMetrics"], "kairos.health.status")
    assert list(health) == ["Name", "Unit", "Gauge"]
    point = health["Gauge"]["DataPoints"][0]
    assert point["Attributes"] == {"component": "llm"}
    assert point["Value"] == 2
    assert RFC3339.fullmatch(point["StartTime"])
    assert point["StartTime"] < point["Time"]


def test_a_histogram_shows_its_buckets(capsys):
    duration = metric(printed(capsys)["ResourceMetrics"], "gen_ai.client.operation.duration")
    point = duration["Histogram"]["DataPoints"][0]
    assert (point["Count"], point["Sum"], point["Min"], point["Max"]) == (1, 0.5, 0.5, 0.5)
    assert len(point["BucketCounts"]) == len(point["Bounds"]) + 1
    assert duration["Histogram"]["Temporality"] == "CumulativeTemporality"


def test_an_exponential_histogram_shows_its_scale():
    reader = InMemoryMetricReader()
    meters = MeterProvider(
        [reader], views=[View(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation())]
    )
    meters.get_meter("m").create_histogram("h").record(4)
    document = metrics_document(reader.get_metrics_data(), 0)
    meters.shutdown()
    data = metric(document, "h")["ExponentialHistogram"]
    point = data["DataPoints"][0]
    assert point["Count"] == 1
    assert point["Scale"] == 20
    assert sum(point["PositiveBucket"]["Counts"]) == 1
    assert data["Temporality"] == "CumulativeTemporality"


def test_delta_sums_say_so():
    reader = InMemoryMetricReader(preferred_temporality={Counter: AggregationTemporality.DELTA})
    meters = MeterProvider([reader])
    meters.get_meter("m").create_counter("c").add(1)
    document = metrics_document(reader.get_metrics_data(), 0)
    meters.shutdown()
    assert metric(document, "c")["Sum"]["Temporality"] == "DeltaTemporality"


def test_a_span_has_the_shape_of_gos_stdout_exporter(capsys):
    document = printed(capsys)["ResourceSpans"]
    group = document["ResourceSpans"][0]
    assert group["Resource"]["Attributes"]["service.name"] == "tested"
    inner, outer = group["ScopeSpans"][0]["Spans"]
    assert [inner["Name"], outer["Name"]] == ["chat model-1", "invoke_agent kairos"]
    assert inner["Parent"]["SpanID"] == outer["SpanContext"]["SpanID"]
    assert outer["Parent"] is None
    assert re.fullmatch(r"[0-9a-f]{32}", inner["SpanContext"]["TraceID"])
    assert inner["SpanKind"] == "Internal"
    assert inner["Status"] == {"Code": "Unset", "Description": ""}
    assert RFC3339.fullmatch(inner["StartTime"])
    assert RFC3339.fullmatch(inner["EndTime"])


def test_a_spans_events_links_and_status_are_shown(capsys):
    with providers(stdout.build(load_config("svc", "1"))) as sdk:
        first = sdk.tracer.start_span("first")
        first.end()
        span = sdk.tracer.start_span("second", links=[Link(first.get_span_context(), {"why": "retry"})])
        span.add_event("exception", {"exception.type": "ValueError"})
        span.set_status(StatusCode.ERROR, "it broke")
        span.end()
    document = next(d for d in documents(capsys.readouterr().out) if "ResourceSpans" in d)
    shown = document["ResourceSpans"][0]["ScopeSpans"][0]["Spans"][1]
    assert shown["Status"] == {"Code": "Error", "Description": "it broke"}
    assert shown["Events"][0]["Name"] == "exception"
    assert shown["Events"][0]["Attributes"] == {"exception.type": "ValueError"}
    assert shown["Links"][0]["SpanContext"]["SpanID"] == f"{first.get_span_context().span_id:016x}"
    assert shown["Links"][0]["Attributes"] == {"why": "retry"}


def test_a_log_names_its_trace(capsys):
    everything = printed(capsys)
    log = everything["ResourceLogs"]["ResourceLogs"][0]["ScopeLogs"][0]["LogRecords"][0]
    inner = everything["ResourceSpans"]["ResourceSpans"][0]["ScopeSpans"][0]["Spans"][0]
    assert log["Body"] == "retrying"
    assert log["Attributes"] == {"attempt": 2}
    assert (log["Severity"], log["SeverityText"]) == (13, "WARN")
    assert log["Timestamp"] == "2023-11-14T22:13:20.123456789Z"
    assert log["TraceID"] == inner["SpanContext"]["TraceID"]
    assert log["SpanID"] == inner["SpanContext"]["SpanID"]


def test_scopes_of_one_resource_are_kept_apart(capsys):
    with providers(stdout.build(load_config("svc", "1"))) as sdk:
        for scope in ("a", "b"):
            sdk.tracers.get_tracer(scope).start_span(f"of {scope}").end()
    document = next(d for d in documents(capsys.readouterr().out) if "ResourceSpans" in d)
    (group,) = document["ResourceSpans"]
    assert [scope["Scope"] for scope in group["ScopeSpans"]] == [
        {"Name": "a", "Version": ""},
        {"Name": "b", "Version": ""},
    ]


def test_documents_are_indented_by_two_spaces(capsys):
    StdoutMetricExporter().export(NOTHING)
    assert capsys.readouterr().out == '{\n  "ResourceMetrics": []\n}\n'


def test_stdout_is_looked_up_at_each_export(monkeypatch, capsys):
    exporter = StdoutMetricExporter()
    later = io.StringIO()
    monkeypatch.setattr(sys, "stdout", later)
    exporter.export(NOTHING)
    assert documents(later.getvalue()) == [{"ResourceMetrics": []}]
    assert capsys.readouterr().out == ""


def exports() -> list[object]:
    return [
        StdoutMetricExporter().export(NOTHING),
        StdoutSpanExporter().export([]),
        StdoutLogExporter().export([]),
    ]


FAILURES = [MetricExportResult.FAILURE, SpanExportResult.FAILURE, LogRecordExportResult.FAILURE]


def test_a_closed_stdout_is_a_failure_and_no_exception(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    assert exports() == FAILURES


def test_no_stdout_at_all_is_a_failure_and_no_exception(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert exports() == FAILURES


def test_it_tells_what_a_failed_export_failed_with(monkeypatch):
    built = stdout.build(load_config())
    monkeypatch.setattr(sys, "stdout", None)
    built.logs.export([])
    assert built.problem() == "OSError: this process has no standard output"


def test_something_that_cannot_be_rendered_is_a_failure_and_no_exception(capsys):
    assert StdoutSpanExporter().export([object()]) is SpanExportResult.FAILURE
    assert capsys.readouterr().out == ""


def test_half_a_surrogate_pair_becomes_the_replacement_character(capsys):
    with providers(stdout.build(load_config("svc", "1"))) as sdk:
        sdk.log("broken \ud800 text")
    (document,) = documents(capsys.readouterr().out)
    assert (
        document["ResourceLogs"][0]["ScopeLogs"][0]["LogRecords"][0]["Body"]
        == "broken \N{REPLACEMENT CHARACTER} text"
    )


def test_a_terminal_without_unicode_gets_escapes(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    with providers(stdout.build(load_config("svc", "1"))) as sdk:
        sdk.log("añadir")
    text = raw.getvalue().decode("ascii")
    assert "a\\u00f1adir" in text
    assert documents(text)[0]["ResourceLogs"][0]["ScopeLogs"][0]["LogRecords"][0]["Body"] == "añadir"


def test_flush_and_shutdown_leave_stdout_alone(capsys):
    built = stdout.build(load_config("svc", "1"))
    for part in (built.metrics, built.spans, built.logs):
        assert part.force_flush()
        part.shutdown()
    print("still open")
    assert capsys.readouterr().out == "still open\n"


PROGRAM = """
import sys, threading
from telemetry.exporters import stdout
from telemetry.config import load_config
from support.providers import providers
print("first, from the program")
with providers(stdout.build(load_config("svc", "1"))) as sdk:
    {body}
"""


def run(body: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        check=True,
        text=True,
        env=environment,
        timeout=60,
        **options,
    )


def test_real_standard_output_holds_documents_after_what_the_program_printed():
    done = run("sdk.record_everything()", capture_output=True)
    first, _, rest = done.stdout.partition("\n")
    assert first == "first, from the program"
    assert {next(iter(document)) for document in documents(rest)} == {
        "ResourceMetrics",
        "ResourceSpans",
        "ResourceLogs",
    }


def test_a_reader_that_went_away_leaves_no_traceback_and_no_exit_status():
    read_end, write_end = os.pipe()
    os.close(read_end)
    body = "sys.stdout = sys.__stdout__; sdk.record_everything()"
    program = PROGRAM.replace('print("first, from the program")\n', "")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    try:
        done = subprocess.run(
            [sys.executable, "-c", program.format(body=body)],
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write_end)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_the_real_stream_is_written_past_its_buffer(monkeypatch, capfd):
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    assert StdoutMetricExporter().export(NOTHING) is MetricExportResult.SUCCESS
    assert documents(capfd.readouterr().out) == [{"ResourceMetrics": []}]


def test_a_document_that_a_pipe_takes_in_pieces_is_written_to_its_end(monkeypatch, capfd):
    write = os.write
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    assert StdoutMetricExporter().export(NOTHING) is MetricExportResult.SUCCESS
    monkeypatch.undo()
    assert documents(capfd.readouterr().out) == [{"ResourceMetrics": []}]


@contextlib.contextmanager
def full_pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A pipe that takes nothing more and does not block, as standard output; gives its reading end."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_end, b" " * 4096)
    with os.fdopen(write_end, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "__stdout__", stream)
        yield read_end
    os.close(read_end)


def test_a_pipe_that_does_not_block_is_waited_for(monkeypatch):
    taken: list[bytes] = []
    with full_pipe(monkeypatch) as read_end:
        waiting = threading.Event()
        select = stdout.select.select

        def announced(*arguments: Any) -> Any:
            waiting.set()
            return select(*arguments)

        def read() -> None:
            waiting.wait(10)
            while not b"".join(taken).endswith(b"]\n}\n"):
                taken.append(os.read(read_end, 65_536))

        monkeypatch.setattr(stdout.select, "select", announced)
        reader = threading.Thread(target=read)
        reader.start()
        result = StdoutMetricExporter().export(NOTHING)
        reader.join(10)
    assert result is MetricExportResult.SUCCESS
    assert documents(b"".join(taken).decode()) == [{"ResourceMetrics": []}]


def test_a_pipe_that_nobody_empties_is_a_failure(monkeypatch):
    monkeypatch.setattr(stdout, "_PATIENCE_S", 0.01)
    with full_pipe(monkeypatch):
        result = StdoutMetricExporter().export(NOTHING)
    assert result is MetricExportResult.FAILURE


def test_grep_with_twenty_lines_shows_the_value(capsys):
    with providers(stdout.build(load_config("svc", "1"))) as sdk:
        sdk.record_everything()
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if "kairos.errors" in line)
    assert any('"Value": 3' in line for line in lines[at : at + 21])


def test_documents_of_many_threads_do_not_mix(monkeypatch):
    class Slow(io.StringIO):
        """Gives other threads a chance after every piece."""

        def write(self, text: str) -> int:
            for character in text:
                super().write(character)
            return len(text)

    out = Slow()
    monkeypatch.setattr(sys, "stdout", out)
    built = stdout.build(load_config("svc", "1"))
    threads = [
        threading.Thread(target=lambda part=part: [part.export([]) for _ in range(50)])
        for part in (built.spans, built.logs, built.spans, built.logs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(documents(out.getvalue())) == 200
