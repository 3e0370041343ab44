# SPDX-License-Identifier: Apache-2.0
"""The OTLP exporters do what the settings say, whatever else is in the environment."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.faulty_otlp import Authority, http_server
from support.otlp_server import OtlpServer
from support.ports import free_port
from support.providers import providers
from support.transports import spans_request, transport

from telemetry.config import load_config
from telemetry.errors import MissingExtraError
from telemetry.exporters import otlp_http, registry
from telemetry.exporters.http_session import PinnedSession
from telemetry.exporters.transport import Accepted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.tls import Certificates

PROTOCOLS = pytest.mark.parametrize("name", ["otlp", "otlp-http"])


@pytest.fixture
def server() -> Iterator[OtlpServer]:
    with OtlpServer() as running:
        yield running


def send(server: OtlpServer, name: str, **settings: Any) -> None:
    port = server.grpc_port if name == "otlp" else server.http_port
    config = load_config("svc", "1", exporter=name, otlp_endpoint=f"127.0.0.1:{port}", **settings)
    with providers(registry.build(name, config)) as sdk:
        sdk.record_everything()


@PROTOCOLS
def test_headers_reach_every_signal(server, name):
    send(server, name, otlp_headers="api-key=s3cret%2C,x-tenant=acme")
    assert set(server.by_signal()) == {"metrics", "traces", "logs"}
    for request in server.requests:
        assert request.headers["api-key"] == "s3cret,"
        assert request.headers["x-tenant"] == "acme"


@PROTOCOLS
def test_user_and_token_become_basic_authorization(server, name):
    send(server, name, otlp_user="123456", otlp_token="glc_token")
    expected = "Basic " + base64.b64encode(b"123456:glc_token").decode()
    assert {request.headers["authorization"] for request in server.requests} == {expected}


def test_http_requests_go_to_the_path_of_their_signal(server):
    config = load_config(
        "svc", "1", exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.http_port}/base/"
    )
    with providers(registry.build("otlp-http", config)) as sdk:
        sdk.record_everything()
    assert {request.path for request in server.requests} == {
        "/base/v1/metrics",
        "/base/v1/traces",
        "/base/v1/logs",
    }


def test_http_bodies_are_compressed_unless_told_otherwise(server):
    send(server, "otlp-http")
    assert {request.headers["content-encoding"] for request in server.requests} == {"gzip"}
    server.requests.clear()
    send(server, "otlp-http", otlp_compression="none")
    assert {request.headers.get("content-encoding") for request in server.requests} == {None}


@PROTOCOLS
def test_settings_in_code_are_not_changed_by_variables_that_the_sdk_reads(
    server, name, monkeypatch, tmp_path
):
    dead = f"http://127.0.0.1:{free_port()}"
    missing = str(tmp_path / "missing.pem")
    for signal in ("", "METRICS_", "TRACES_", "LOGS_"):
        prefix = f"OTEL_EXPORTER_OTLP_{signal}"
        if signal:  # Config has its own word on the general ones, which code overrides below
            monkeypatch.setenv(f"{prefix}ENDPOINT", f"{dead}/v1/elsewhere")
            monkeypatch.setenv(f"{prefix}HEADERS", "x-from=environment")
            monkeypatch.setenv(f"{prefix}CERTIFICATE", missing)
            monkeypatch.setenv(f"{prefix}CLIENT_KEY", missing)
            monkeypatch.setenv(f"{prefix}CLIENT_CERTIFICATE", missing)
            monkeypatch.setenv(f"{prefix}COMPRESSION", "none")
            monkeypatch.setenv(f"{prefix}TIMEOUT", "0.0001")
            monkeypatch.setenv(f"{prefix}INSECURE", "false")
        for protocol in ("HTTP", "GRPC"):
            monkeypatch.setenv(f"OTEL_PYTHON_EXPORTER_OTLP_{protocol}_{signal}CREDENTIAL_PROVIDER", "absent")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-from=environment")
    send(server, name, otlp_headers={"x-tenant": "acme"})
    assert set(server.by_signal()) == {"metrics", "traces", "logs"}
    for request in server.requests:
        assert request.headers["x-tenant"] == "acme"
        assert "x-from" not in request.headers
        if name == "otlp-http":
            assert request.headers["content-encoding"] == "gzip"


@PROTOCOLS
def test_no_headers_means_no_headers(server, name, monkeypatch):
    for signal in ("METRICS", "TRACES", "LOGS"):
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{signal}_HEADERS", "x-from=environment")
    send(server, name)
    assert len(server.requests) == 3
    assert not any("x-from" in request.headers for request in server.requests)


def test_a_password_in_netrc_does_not_replace_the_authorization(server, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    send(server, "otlp-http", otlp_headers={"Authorization": "Bearer mine"})
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer mine"}


def test_requests_bundle_does_not_replace_the_certificate(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Authority(tmp_path, "other").file))
    with (
        http_server(tls=authority.issue("127.0.0.1")) as seen,
        transport("otlp-http", f"https://127.0.0.1:{seen.port}", otlp_certificate=authority.file) as made,
    ):
        assert made.send(spans_request(), 5) == Accepted()


def test_a_client_certificate_may_hold_its_key(certificates: Certificates):
    session = PinnedSession("https://localhost:1", headers={}, client_certificate=certificates.client)
    assert session._own_certificate == str(certificates.client)
    session.close()


def test_proxy_variables_of_the_environment_are_respected(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("NO_PROXY", "collector.internal")
    for host, proxied in (("collector.example", True), ("collector.internal", False)):
        session = PinnedSession(f"http://{host}/v1/traces", headers={})
        assert ("http" in session.proxies) is proxied
        session.close()


@PROTOCOLS
def test_building_imports_neither_grpc_nor_protobuf_nor_requests(name, bare_environment):
    program = (
        "import json, sys\n"
        "from telemetry.config import load_config\n"
        "from telemetry.exporters import registry\n"
        f"registry.build({name!r}, load_config('svc', '1', exporter={name!r}))\n"
        "print(json.dumps([m for m in ('grpc', 'google.protobuf', 'requests') if m in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=bare_environment,
    )
    assert json.loads(done.stdout) == []


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(otlp_http, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"The otlp-http exporter .*pip install 'kairos-telemetry\[http\]'"
    ):
        registry.build("otlp-http", load_config("svc", "1", exporter="otlp-http"))
