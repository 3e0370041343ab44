# SPDX-License-Identifier: Apache-2.0
"""Which proxy applies, and what doctor says when one stands in the way."""

from __future__ import annotations

import pytest
from support import faulty_otlp as faulty

from telemetry.diagnosis.proxies import Proxy, proxy_for
from telemetry.diagnosis.targets import Target


def target(exporter="otlp", host="collector.example", is_secure=False):
    return Target(exporter, host, 4317, is_secure, 1.0)


@pytest.mark.parametrize(
    ("exporter", "is_secure", "environ", "variable"),
    [
        ("otlp", False, {"grpc_proxy": "http://g:1", "https_proxy": "http://s:2"}, "grpc_proxy"),
        ("otlp", False, {"https_proxy": "http://s:2", "http_proxy": "http://p:3"}, "https_proxy"),
        ("otlp", True, {"http_proxy": "http://p:3"}, "http_proxy"),
        ("otlp-http", True, {"HTTPS_PROXY": "http://s:2"}, "HTTPS_PROXY"),
        ("otlp-http", False, {"HTTP_PROXY": "http://p:3", "http_proxy": "http://q:4"}, "http_proxy"),
        ("otlp-http", False, {"ALL_PROXY": "http://a:5"}, "ALL_PROXY"),
    ],
)
def test_the_variable_of_the_exporters_library_counts(exporter, is_secure, environ, variable):
    proxy = proxy_for(target(exporter, is_secure=is_secure), environ)
    assert proxy is not None
    assert proxy.variable == variable


@pytest.mark.parametrize(
    ("exporter", "environ"),
    [
        ("otlp", {}),
        ("otlp", {"HTTPS_PROXY": "http://s:2"}),  # gRPC reads lower case only
        ("otlp-http", {"https_proxy": "http://s:2"}),  # for an http:// endpoint
        ("otlp", {"https_proxy": ""}),
    ],
)
def test_other_variables_do_not_count(exporter, environ):
    assert proxy_for(target(exporter), environ) is None


@pytest.mark.parametrize(
    ("host", "exceptions", "is_excepted"),
    [
        ("collector.example", "*", True),
        ("collector.example", "collector.example", True),
        ("collector.example", "other, .example", True),
        ("collector.example", "*.example", True),
        ("collector.example", "lector.example", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "192.168.0.0/16", False),
        ("collector.example", "10.0.0.0/8,", False),
    ],
)
def test_no_proxy_excepts_hosts(host, exceptions, is_excepted):
    for exporter, name in (("otlp", "no_proxy"), ("otlp", "no_grpc_proxy"), ("otlp-http", "NO_PROXY")):
        environ = {"http_proxy": "http://p:3", name: exceptions}
        assert (proxy_for(target(exporter, host), environ) is None) == is_excepted


def test_user_and_password_become_an_authorization():
    proxy = proxy_for(target(), {"grpc_proxy": "http://me:p%40ss@proxy.example:3128"})
    assert proxy == Proxy("grpc_proxy", "proxy.example", 3128, "Basic bWU6cEBzcw==")


def test_a_proxy_without_scheme_and_port_is_understood():
    assert proxy_for(target(), {"grpc_proxy": "proxy.example"}) == Proxy("grpc_proxy", "proxy.example", 80)


@pytest.mark.parametrize("exporter", ["otlp", "otlp-http"])
def test_a_proxy_that_is_not_there(check, monkeypatch, exporter):
    port = faulty.closed_port()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    finding = check(exporter=exporter, otlp_endpoint="http://collector.example:4317")[-1]
    assert finding.check == f"{exporter} connection"
    assert finding.message == (
        f"nothing is listening: 127.0.0.1 port {port} refuses connections; "
        "the proxy from http_proxy stands between"
    )


def test_http_goes_through_a_proxy(check, monkeypatch):
    with faulty.http_server() as server, faulty.connect_proxy() as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        findings = check(exporter="otlp-http", otlp_endpoint=f"http://127.0.0.1:{server.port}")
    assert [finding.headline for finding in findings[1:]] == ["the proxy listens", *["received"] * 3]
    assert proxy.requests[0][0] == f"POST http://127.0.0.1:{server.port}/v1/metrics HTTP/1.1"
    assert server.requests[0][1]["host"] == f"127.0.0.1:{server.port}"


def test_https_goes_through_a_proxy_that_asks_for_a_password(check, monkeypatch, authority):
    with (
        faulty.http_server(tls=authority.issue("127.0.0.1")) as server,
        faulty.connect_proxy(wanted_login="Basic bWU6cGFzcw==") as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"http://me:pass@127.0.0.1:{proxy.port}")
        findings = check(
            exporter="otlp-http",
            otlp_endpoint=f"https://127.0.0.1:{server.port}",
            otlp_certificate=authority.file,
        )
    assert [finding.headline for finding in findings[2:]] == [
        "TLS will be spoken through the proxy",
        *["received"] * 3,
    ]
    assert proxy.requests[0][0].startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.")


def test_a_proxy_that_refuses_https(check, monkeypatch):
    refusal = b"HTTP/1.1 403 Forbidden by policy\r\nContent-Length: 0\r\n\r\n"
    with faulty.connect_proxy(refusal) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        finding = check(exporter="otlp-http", otlp_endpoint="https://collector.example")[-1]
    assert finding.headline == "the proxy does not let the request through"
    assert "403 Forbidden by policy" in finding.message
    assert "add collector.example to NO_PROXY" in finding.remedy


def test_a_proxy_that_asks_for_a_password(check, monkeypatch):
    with faulty.connect_proxy(wanted_login="Basic") as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        finding = check(exporter="otlp-http", otlp_endpoint="http://collector.example:4318")[-1]
    assert finding.headline == "the proxy does not let the request through"


def test_grpc_goes_through_a_proxy(check, monkeypatch):
    with faulty.grpc_server() as server, faulty.connect_proxy() as proxy:
        monkeypatch.setenv("grpc_proxy", f"http://127.0.0.1:{proxy.port}")
        findings = check(
            exporter="otlp", otlp_endpoint=f"http://127.0.0.1:{server.port}", otlp_timeout_seconds=5
        )
    assert [finding.headline for finding in findings[1:]] == ["the proxy listens", *["received"] * 3]
    assert proxy.requests[0][0].startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.")


def test_grpc_through_a_proxy_that_refuses(check, monkeypatch):
    refusal = b"HTTP/1.1 403 Forbidden by policy\r\nContent-Length: 0\r\n\r\n"
    with faulty.connect_proxy(refusal) as proxy:
        monkeypatch.setenv("grpc_proxy", f"http://127.0.0.1:{proxy.port}")
        finding = check(exporter="otlp", otlp_endpoint="http://127.0.0.1:4317")[-1]
    assert finding.headline == "the proxy does not let the request through"
    assert "the proxy from grpc_proxy stands between" in finding.message
