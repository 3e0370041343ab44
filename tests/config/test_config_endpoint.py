# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from telemetry.config import load_config
from telemetry.config.endpoint import parse_endpoint
from telemetry.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "target", "insecure", "base_url"),
    [
        (None, "localhost:4317", True, "http://localhost:4318"),
        ("localhost:1", "localhost:1", True, "http://localhost:1"),
        ("LOCALHOST.:1", "localhost.:1", True, "http://localhost.:1"),
        ("127.9.9.9:1", "127.9.9.9:1", True, "http://127.9.9.9:1"),
        ("[::1]:4317", "[::1]:4317", True, "http://[::1]:4317"),
        ("[2001:db8::1]:4317", "[2001:db8::1]:4317", False, "https://[2001:db8::1]:4317"),
        ("collector:4317", "collector:4317", False, "https://collector:4317"),
        ("http://collector:4317", "collector:4317", True, "http://collector:4317"),
        ("HTTPS://collector", "collector:443", False, "https://collector"),
        ("http://collector/", "collector:4317", True, "http://collector"),
        ("http://[::1]", "[::1]:4317", True, "http://[::1]"),
    ],
)
def test_an_endpoint_says_where_and_how(given, target, insecure, base_url):
    config = load_config(exporter="otlp,otlp-http", otlp_endpoint=given)
    assert config.grpc_target() == (target, insecure)
    assert config.http_base_url() == base_url
    assert config.otlp_insecure is insecure


def test_the_default_endpoint_is_that_of_the_exporter():
    assert load_config(exporter="otlp").otlp_endpoint == "localhost:4317"
    assert load_config(exporter="otlp-http").otlp_endpoint == "http://localhost:4318"


def test_an_http_endpoint_may_have_a_path():
    config = load_config(exporter="otlp-http", otlp_endpoint="https://gateway.example/otlp/")
    assert config.http_base_url() == "https://gateway.example/otlp"


def test_an_explicit_choice_decides_for_a_bare_address():
    assert load_config(otlp_endpoint="collector:1", otlp_insecure=True).grpc_target() == ("collector:1", True)
    assert (
        load_config(otlp_endpoint="localhost:1", otlp_insecure="no").http_base_url() == "https://localhost:1"
    )


def test_user_and_password_of_a_url_become_settings():
    config = load_config(otlp_endpoint="https://u%40x:p%3Aw@h:1")
    assert (config.otlp_endpoint, config.otlp_user) == ("https://h:1", "u@x")
    assert config.headers() == {"authorization": "Basic dUB4OnA6dw=="}


def test_a_scheme_overrules_the_standard_insecure_variable(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_INSECURE", "true")
    assert load_config(otlp_endpoint="https://h:1").otlp_insecure is False


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("collector", "has no port.*Add one: 4317 is usual for gRPC"),
        ("collector:x", "host or port is malformed"),
        ("collector:99999", "host or port is malformed.*ports 1 to 65535"),
        ("collector:0", "port 0 cannot be connected to"),
        ("collector:1/path", "has a path but no scheme"),
        ("ftp://collector:1", "the scheme 'ftp' is none of OTLP's"),
        ("unix:///socket", "the scheme 'unix'"),
        ("http://", "has no host"),
        (":4317", "has no host"),
        ("[::1:4317", "host or port is malformed"),
        ("http://[::zz]:1", "malformed|not an IPv6 address"),
        ("http://[v1.a]:1", "not an IPv6 address"),
        ("::1:4317", "malformed|not a name"),
        ("-bad-:1", "the host is not a name"),
        ("host name:1", "characters that no address has"),
        ("höst:1", "characters that no address has"),
        ("http://h:1?a=b", "has a query or a fragment"),
        ("http://h:1/#", "has a query or a fragment"),
        ("http://h:1/v1/traces", "has the path of one signal.*Leave out /v1/"),
        (4317, "otlp_endpoint = 4317 .*not text"),
    ],
)
def test_a_bad_endpoint_is_told_in_which_way(given, problem):
    with pytest.raises(ConfigError, match=problem):
        load_config(otlp_endpoint=given)


def test_grpc_has_no_paths():
    with pytest.raises(ConfigError, match=r"gRPC has no paths.*Use https://h:1, or the exporter otlp-http"):
        load_config(exporter="otlp", otlp_endpoint="https://h:1/otlp")


@pytest.mark.parametrize(
    ("endpoint", "insecure", "problem"),
    [
        ("https://h:1", True, "contradicts: otlp_endpoint 'https://h:1' asks for TLS"),
        ("http://h:1", False, "contradicts: otlp_endpoint 'http://h:1' asks for plain text"),
    ],
)
def test_scheme_and_insecure_must_agree(endpoint, insecure, problem):
    assert load_config(otlp_endpoint=endpoint, otlp_insecure=not insecure).otlp_insecure is not insecure
    with pytest.raises(ConfigError, match=problem):
        load_config(otlp_endpoint=endpoint, otlp_insecure=insecure)


def test_an_endpoints_repr_has_no_password():
    assert repr(parse_endpoint("https://u:secret@h:1/p")) == "Endpoint('https://h:1/p')"
