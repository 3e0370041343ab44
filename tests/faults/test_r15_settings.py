# SPDX-License-Identifier: Apache-2.0
"""R15 for the settings: their secrets are in no repr, error, log line, status, command or spool file."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc.status_pb2 import Status
from support.waiting import wait_for

import telemetry
from telemetry.config import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRETS = ("hunter2", base64.b64encode(b"me:hunter2-password").decode().rstrip("="))
SETTINGS = {
    "otlp_headers": "x-team=hunter2-team,api-key=hunter2-key",
    "prometheus_token": "hunter2-scrape",
}
OF_HTTP = SETTINGS | {"otlp_user": "me", "otlp_token": "hunter2-password"}


def told(headers) -> str:
    return "not like this: " + "; ".join(f"{name}={value}" for name, value in headers)


class EchoingHttp(BaseHTTPRequestHandler):
    """Refuses, and repeats in every possible place what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        text = told(self.headers.items())
        body = Status(code=3, message=text).SerializeToString()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Location", f"http://x:hunter2@host/?api-key={self.headers['api-key']}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class EchoingGrpc(grpc.GenericRpcHandler):
    def service(self, call):
        text = told((key, value) for key, value in call.invocation_metadata)

        def refuse(_request, context):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)

        return grpc.unary_unary_rpc_method_handler(refuse)


@pytest.fixture
def echo_http() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), EchoingHttp)
    server.status = 400
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def echo_grpc() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2), handlers=[EchoingGrpc()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


@pytest.fixture
def everything_said(capfd, caplog):
    caplog.set_level(logging.DEBUG)

    def said() -> str:
        captured = capfd.readouterr()
        return captured.out + captured.err + caplog.text

    return said


def emit_and_look(settings, everything_said, spool: Path) -> str:
    """What is shown, logged and kept while a receiver refuses."""
    with telemetry.init("svc", **settings, spool_dir=spool, shutdown_timeout_seconds=2) as pipeline:
        shown = f"{pipeline.config!r} {pipeline!r} {rows(pipeline.config)}"
        with telemetry.observe(name="work"):
            telemetry.record_error(ValueError("x"), component="db")
        pipeline.force_flush(2)
        wait_for(lambda: any(each.last_error for each in pipeline.status()), what="a refusal")
        shown += f"{pipeline.status()}"
    kept = b"".join(path.read_bytes() for path in spool.rglob("*") if path.is_file())
    return shown + everything_said() + kept.decode("latin-1")


def assert_no_secret(text: str) -> None:
    for secret in SECRETS:
        place = text.find(secret)
        assert place < 0, text[max(0, place - 300) : place + 100]


@pytest.mark.parametrize("status", [400, 401, 302, 503])
def test_what_an_http_receiver_repeats_is_masked(echo_http, status, everything_said, tmp_path):
    echo_http.status = status
    address = f"http://127.0.0.1:{echo_http.server_port}"
    out = emit_and_look(
        {"exporter": "otlp-http", "otlp_endpoint": address, **OF_HTTP}, everything_said, tmp_path / "spool"
    )
    assert str(status) in out
    assert_no_secret(out)


def test_what_a_grpc_receiver_repeats_is_masked(echo_grpc, everything_said, tmp_path):
    settings = {"exporter": "otlp", "otlp_endpoint": echo_grpc, **OF_HTTP}
    out = emit_and_look(settings, everything_said, tmp_path / "spool")
    assert "not like this" in out
    assert_no_secret(out)


def test_no_command_shows_a_secret(echo_http, tmp_path, bare_environment):
    file = tmp_path / "settings.yaml"
    file.write_text(
        json.dumps(  # JSON is YAML
            {
                "telemetry": {
                    "exporter": "otlp-http,prometheus",
                    "otlp_endpoint": f"http://me:hunter2-password@127.0.0.1:{echo_http.server_port}",
                    "otlp_headers": {"api-key": "hunter2-key"},
                    "prometheus_token": "hunter2-scrape",
                    "prometheus_port": 0,
                }
            }
        )
    )
    for command in (["config"], ["config", "--json"], ["doctor"], ["doctor", "--json"]):
        done = subprocess.run(
            [Path(sys.executable).with_name("kairos"), *command],
            env=bare_environment | {"KAIROS_TELEMETRY_CONFIG_FILE": str(file)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,  # doctor finds what is wrong
        )
        assert "127.0.0.1" in done.stdout + done.stderr, command
        assert_no_secret(done.stdout + done.stderr)


@pytest.mark.parametrize(
    "settings",
    [
        {"otlp_token": 5, "otlp_headers": {"a": "hunter2\n"}},
        {"otlp_endpoint": "ftp://me:hunter2@host"},
        {"otlp_endpoint": "http://me:hunter2@host:99999"},
        {"otlp_headers": "hunter2"},
        {"otlp_token": "hunter2"},
        {"prometheus_token": "hunter2 "},
        {"prometheus_token": "hunter2", "prometheus_host": "0.0.0.0", "exporter": "nonsense"},
        {"otlp_tokn": "hunter2"},
    ],
)
def test_no_error_about_settings_shows_a_secret(settings):
    try:
        shown = repr(telemetry.Config(**settings))
    except telemetry.ConfigError as error:
        shown = f"{error} {error!r} {error.problems} {error.__cause__} {error.__context__}"
    assert_no_secret(shown)
