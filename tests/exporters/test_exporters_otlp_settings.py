# SPDX-License-Identifier: Apache-2.0
"""The OTLP exporters do what the settings say, whatever else is in the environment."""

from __future__ import annotations

import base64
import importlib.util
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from support.otlp_server import OtlpServer
from support.ports import free_port
from support.providers import providers

from telemetry.config import load_config
from telemetry.errors import MissingExtraError
from telemetry.exporters import otlp_http, registry
from telemetry.exporters.http_session import PinnedSession

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


def export_one(name: str, **settings: Any) -> SpanExportResult:
    config = load_config("svc", "1", exporter=name, **settings)
    built = registry.build(name, config)
    with providers(built) as sdk:
        span = sdk.tracer.start_span("one")
        assert built.spans is not None
        return built.spans.export([span])


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
        for transport in ("HTTP", "GRPC"):
            monkeypatch.setenv(f"OTEL_PYTHON_EXPORTER_OTLP_{transport}_{signal}CREDENTIAL_PROVIDER", "absent")
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


def test_grpc_retryable_codes_are_those_of_the_specification(server, monkeypatch):
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES", "invalid_argument")
    server.grpc_status = grpc.StatusCode.INVALID_ARGUMENT
    result = export_one("otlp", otlp_endpoint=f"127.0.0.1:{server.grpc_port}")
    assert result is SpanExportResult.FAILURE
    assert len(server.requests) == 1


def test_a_password_in_netrc_does_not_replace_the_authorization(server, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    send(server, "otlp-http", otlp_headers={"Authorization": "Bearer mine"})
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer mine"}


def test_requests_bundle_does_not_replace_the_certificate(certificates: Certificates, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.other_authority))
    session = PinnedSession("https://localhost:1", headers={}, certificate=certificates.authority)
    seen: dict[str, Any] = {}

    class Adapter(otlp_requests_adapter()):
        def send(self, request: Any, **kwargs: Any) -> Any:
            seen.update(kwargs)
            raise ConnectionError

    session.mount("https://", Adapter())
    with pytest.raises(ConnectionError):
        session.post("https://localhost:1/v1/traces", data=b"")
    session.close()
    assert seen["verify"] == str(certificates.authority)


def otlp_requests_adapter() -> type:
    from requests.adapters import HTTPAdapter

    return HTTPAdapter


def test_a_client_certificate_may_hold_its_key(certificates: Certificates):
    session = PinnedSession("https://localhost:1", headers={}, client_certificate=certificates.client)
    assert session._own_certificate == str(certificates.client)
    session.close()


def test_a_configured_proxy_is_used(server):
    session = PinnedSession("http://collector.invalid", headers={})
    session.proxies = {"http": f"http://127.0.0.1:{server.http_port}"}
    session.post(
        "http://collector.invalid/v1/traces",
        data=b"",
        headers={"content-type": "application/x-protobuf"},
        timeout=5,
    )
    session.close()
    assert server.requests[0].headers["host"] == "collector.invalid"


def test_proxy_variables_of_the_environment_are_respected(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("NO_PROXY", "collector.internal")
    for host, proxied in (("collector.example", True), ("collector.internal", False)):
        session = PinnedSession(f"http://{host}/v1/traces", headers={})
        assert ("http" in session.proxies) is proxied
        session.close()


def test_our_user_agent_goes_before_the_sdks(server):
    send(server, "otlp-http", otlp_headers={"User-Agent": "kairos-test"})
    assert {request.headers["user-agent"] for request in server.requests} == {"kairos-test"}


def test_a_redirect_is_a_failure(server, caplog):
    server.http_status = 302
    server.http_headers = {"Location": "http://127.0.0.1:1/"}
    result = export_one("otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.http_port}")
    assert result is SpanExportResult.FAILURE
    assert "answered 302 (redirect)" in caplog.text


@PROTOCOLS
def test_nothing_listening_is_a_failure_within_the_timeout(name):
    result = export_one(name, otlp_endpoint=f"127.0.0.1:{free_port()}", otlp_timeout_seconds=0.5)
    assert result is SpanExportResult.FAILURE


def test_a_certificate_that_vanished_is_a_failure(certificates: Certificates, tmp_path, caplog):
    copy = tmp_path / "ca.pem"
    copy.write_bytes(certificates.authority.read_bytes())
    config = load_config(
        "svc", "1", exporter="otlp", otlp_endpoint="https://localhost:4317", otlp_certificate=copy
    )
    built = registry.build("otlp", config)
    copy.unlink()
    assert built.spans.export([]) is SpanExportResult.FAILURE
    assert "No such file or directory" in caplog.text


def test_grpcs_own_variable_for_authorities_is_left_to_grpc(certificates: Certificates, monkeypatch):
    from telemetry.exporters import otlp_grpc, trust

    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(certificates.authority))
    monkeypatch.setattr(trust, "system_roots", lambda: pytest.fail("looked for the machine's list"))
    config = load_config("svc", "1", exporter="otlp", otlp_endpoint="https://localhost:4317")
    assert otlp_grpc._credentials(config) is not None


def test_a_host_named_like_a_scheme_is_a_host():
    from telemetry.exporters import otlp_grpc

    config = load_config("svc", "1", exporter="otlp", otlp_endpoint="https:4317", otlp_insecure=True)
    assert otlp_grpc._settings(config)["endpoint"] == "http://https:4317"


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(otlp_http, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"The otlp-http exporter .*pip install 'kairos-telemetry\[http\]'"
    ):
        registry.build("otlp-http", load_config("svc", "1", exporter="otlp-http"))


def test_requests_counts_as_part_of_the_extra(monkeypatch):
    monkeypatch.setattr(
        otlp_http, "find_spec", lambda name: None if name == "requests" else importlib.util.find_spec(name)
    )
    with pytest.raises(MissingExtraError, match="The otlp-http exporter"):
        registry.build("otlp-http", load_config("svc", "1", exporter="otlp-http"))
