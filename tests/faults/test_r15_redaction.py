# SPDX-License-Identifier: Apache-2.0
"""R15: redaction and content rules hold on every way out."""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.trace import Link, Status, StatusCode
from support.otlp_server import OtlpServer
from support.ports import free_port

import telemetry
from telemetry.logs import logging_set_aside

SECRETS = ("hunter2", "abcDEF1234567890abcdef", "MIIEowIBAAKCAQEA", "dozjgNryP4J3jVmNHl0w5N")
KEY = "sk-ant-api03-abcDEF1234567890abcdef"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
URL = "postgres://me:hunter2@db/x"
SAID = "what the patient told"
HARMLESS = "gpt-4o-harmless"

Everything = Callable[[], bytes]


class ToolError(Exception):
    """What a tool raises that tells too much."""


def record_all(pipeline: telemetry.Telemetry) -> None:
    """Puts secrets and content wherever a signal has room for them."""
    tracer, meter = pipeline.tracer, pipeline.meter
    with tracer.start_as_current_span(f"first {KEY}") as first:
        pass
    with tracer.start_as_current_span("second", links=[Link(first.get_span_context(), {"db": URL})]) as span:
        span.set_attributes(
            {"model": HARMLESS, "db.password": "hunter2", "note": f"with {JWT}", "list": [KEY, PEM]}
        )
        span.set_attributes({"gen_ai.input.messages": SAID, "gen_ai.prompt.0.content": SAID})
        span.set_attributes({"openinference.span.kind": "LLM", "input.value": SAID})
        span.add_event("gen_ai.content.prompt", {"gen_ai.prompt": SAID, "content": SAID})
        span.add_event("retry", {"authorization": "Bearer hunter2", "header": "x-api-key: hunter2"})
        span.set_status(Status(StatusCode.ERROR, f"cannot reach {URL}"))
    with pytest.raises(ToolError), telemetry.observe(component="tool", name="fetch", api_key="hunter2"):
        raise ToolError(f"password=hunter2 was wrong at {URL}") from ValueError(KEY)
    telemetry.record_error(
        telemetry.KairosError("timeout", URL, context={"token": "hunter2"}), component="db"
    )
    labels = {"model": HARMLESS, "token": "hunter2", "gen_ai.input.messages": SAID, "url": URL}
    meter.create_counter("calls", description=f"Counted with {KEY}").add(1, labels)
    meter.create_histogram("wait").record(1.5, labels)
    body = {"text": [f"it is {KEY}", {"password": "hunter2"}], "model": HARMLESS, "gen_ai.completion": SAID}
    pipeline.logger.emit(LogRecord(body=body, attributes={"secret": "hunter2", "dsn": URL}))
    pipeline.logger.emit(
        LogRecord(
            body={"content": SAID, "role": "user"}, event_name="gen_ai.user.message", attributes={"c": JWT}
        )
    )
    try:
        raise ToolError(URL)
    except ToolError:
        logging.getLogger("agent").exception(
            "login with password=%s failed", "hunter2", extra={"auth_token": "hunter2"}
        )


@contextmanager
def to_server(exporter: str, tmp_path, capfd, **settings) -> Iterator[tuple[dict[str, Any], Everything]]:
    with OtlpServer() as server:
        port = server.grpc_port if exporter == "otlp" else server.http_port
        address = f"127.0.0.1:{port}" if exporter == "otlp" else f"http://127.0.0.1:{port}"

        def everything() -> bytes:
            assert {request.signal for request in server.requests} == {"traces", "metrics", "logs"}
            return b"".join(request.message.SerializeToString() for request in server.requests)

        yield {"exporter": exporter, "otlp_endpoint": address, **settings}, everything


@contextmanager
def to_stdout(tmp_path, capfd):
    def everything() -> bytes:
        out = capfd.readouterr().out
        assert all(name in out for name in ("ResourceSpans", "ResourceMetrics", "ResourceLogs"))
        return out.encode()

    yield {"exporter": "stdout"}, everything


@contextmanager
def to_file(tmp_path, capfd):
    path = tmp_path / "out.jsonl"

    def everything() -> bytes:
        text = path.read_text()
        kinds = {next(iter(json.loads(line))) for line in text.splitlines()}
        assert kinds == {"resourceSpans", "resourceMetrics", "resourceLogs"}
        return json.dumps([json.loads(line) for line in text.splitlines()], ensure_ascii=False).encode()

    yield {"exporter": "file", "file_path": path}, everything


@contextmanager
def to_memory(tmp_path, capfd):
    found: list[str] = []

    def look(pipeline: telemetry.Telemetry) -> None:
        from telemetry.exporters.stdout_json import logs_document, metrics_document, spans_document

        parts = pipeline.exporters["memory"]
        pipeline.force_flush(5)
        found.append(str(metrics_document(parts.metrics.get_metrics_data(), 0)))
        found.append(str(spans_document(parts.spans.get_finished_spans())))
        found.append(str(logs_document(parts.logs.get_finished_logs())))

    yield {"exporter": "memory", "look": look}, lambda: "".join(found).encode()


@contextmanager
def to_prometheus(tmp_path, capfd):
    pages: list[bytes] = []

    def look(pipeline: telemetry.Telemetry) -> None:
        port = pipeline.exporters["prometheus"].metrics.port
        for accept in ("text/plain", "application/openmetrics-text; version=1.0.0"):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
            with urllib.request.urlopen(request, timeout=5) as answer:
                pages.append(answer.read())

    yield {"exporter": "prometheus", "prometheus_port": 0, "look": look}, lambda: b"".join(pages)


@contextmanager
def to_spool(tmp_path, capfd):
    spool = tmp_path / "spool"

    def everything() -> bytes:
        files = [path for path in spool.rglob("*") if path.suffix in (".traces", ".metrics", ".logs")]
        assert {path.suffix for path in files} == {".traces", ".metrics", ".logs"}
        return b"".join(path.read_bytes() for path in spool.rglob("*") if path.is_file())

    yield {"exporter": "otlp", "otlp_endpoint": f"127.0.0.1:{free_port()}", "spool_dir": spool}, everything


@contextmanager
def to_dead_letters(tmp_path, capfd):
    spool = tmp_path / "spool"
    with OtlpServer(grpc_status=grpc.StatusCode.INVALID_ARGUMENT) as server:

        def everything() -> bytes:
            files = [path for path in spool.glob("*/dead-letters/*") if path.is_file()]
            assert {path.suffix for path in files} >= {".traces", ".metrics", ".logs"}
            return b"".join(path.read_bytes() for path in files)

        address = f"127.0.0.1:{server.grpc_port}"
        yield {"exporter": "otlp", "otlp_endpoint": address, "spool_dir": spool}, everything


WAYS_OUT = {
    "otlp over gRPC": lambda *args: to_server("otlp", *args),
    "otlp over HTTP": lambda *args: to_server("otlp-http", *args),
    "stdout": to_stdout,
    "file": to_file,
    "memory": to_memory,
    "prometheus": to_prometheus,
    "spool files": to_spool,
    "dead letters": to_dead_letters,
}


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_secrets_and_content_never_leave(way_out, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"deploy.token=hunter2,db.url={URL}")
    with WAYS_OUT[way_out](tmp_path, capfd) as (settings, everything):
        look = settings.pop("look", None)
        with (
            logging_set_aside(),
            telemetry.init("svc", "1", shutdown_timeout_seconds=5, **settings) as pipeline,
        ):
            telemetry.configure_logging()
            record_all(pipeline)
            if look:
                look(pipeline)
        out = everything()
    assert HARMLESS.encode() in out
    assert out.count(b"***") >= 3
    for text in (*SECRETS, SAID):
        place = out.find(text.encode())
        assert place < 0, out[max(0, place - 200) : place + 100]


@pytest.mark.parametrize("capture", ["none", "span", "event", "both"])
def test_content_leaves_where_it_is_allowed(capture):
    with OtlpServer() as server:
        address = f"127.0.0.1:{server.grpc_port}"
        with telemetry.init(
            "svc", exporter="otlp", otlp_endpoint=address, capture_content=capture
        ) as pipeline:
            with pipeline.tracer.start_as_current_span("chat") as span:
                span.set_attribute("gen_ai.input.messages", "said on a span")
                span.add_event("details", {"gen_ai.input.messages": "said in an event"})
            pipeline.logger.emit(LogRecord(body="x", attributes={"gen_ai.input.messages": "said in a log"}))
        out = b"".join(request.message.SerializeToString() for request in server.requests)
    said = {place for place in ("on a span", "in an event", "in a log") if f"said {place}".encode() in out}
    on_spans, in_events = {"on a span"}, {"in an event", "in a log"}
    expected = {"none": set(), "span": on_spans, "event": in_events, "both": on_spans | in_events}
    assert said == expected[capture]
