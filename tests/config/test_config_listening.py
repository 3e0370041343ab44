# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from support.tls import Certificates

from telemetry.config import load_config
from telemetry.errors import ConfigError


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST."])
def test_this_machine_alone_needs_no_token(host):
    assert load_config(exporter="prometheus", prometheus_host=host).prometheus_token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "agent.example.com"])
def test_beyond_this_machine_a_scrape_needs_a_token_or_tls(host):
    with pytest.raises(
        ConfigError,
        match=f"prometheus_host = '{host}' .*other machines can reach it, and it asks for no token and "
        "speaks no TLS; allowed: 127.0.0.1, ::1, localhost; .* Set prometheus_token, or certificate and key, "
        "or leave prometheus_host at 127.0.0.1",
    ):
        load_config(exporter="otlp,prometheus", prometheus_host=host)


def test_a_token_or_tls_opens_it_to_others(certificates):
    pair = {"prometheus_certificate": certificates.server, "prometheus_key": certificates.server}
    for protection in ({"prometheus_token": "t"}, pair, {"prometheus_token": "t", **pair}):
        config = load_config(exporter="prometheus", prometheus_host="0.0.0.0", **protection)
        assert config.prometheus_host == "0.0.0.0"


def test_a_host_that_nothing_listens_on_is_nobodys_business(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0")
    assert load_config(exporter="otlp").prometheus_host == "0.0.0.0"


@pytest.mark.parametrize("token", ["hunter2 x", "hunter2\nx", "hünter2"])
def test_a_token_must_fit_into_a_header_and_is_not_told(token):
    with pytest.raises(
        ConfigError, match=r"prometheus_token = '\*\*\*' .*cannot stand in a header; allowed: printable ASCII"
    ) as caught:
        load_config(prometheus_token=token)
    assert "nter2" not in str(caught.value)


def test_a_token_of_a_file_knows_variables(monkeypatch, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("exporter: prometheus\nprometheus_host: 0.0.0.0\nprometheus_token: ${SCRAPE_TOKEN}\n")
    monkeypatch.setenv("SCRAPE_TOKEN", "hunter2")
    config = load_config(config_file=path)
    assert config.prometheus_token is not None
    assert config.prometheus_token.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(config)


def test_certificate_and_key_of_the_endpoint_go_together(certificates):
    with pytest.raises(ConfigError, match="prometheus_key is missing; allowed: both or neither"):
        load_config(prometheus_certificate=certificates.server)
    with pytest.raises(ConfigError, match="prometheus_certificate is missing"):
        load_config(prometheus_key=certificates.server)


def test_the_endpoints_key_must_belong_to_its_certificate(certificates):
    with pytest.raises(ConfigError, match="the key does not belong to prometheus_certificate"):
        load_config(prometheus_certificate=certificates.client, prometheus_key=certificates.server)
