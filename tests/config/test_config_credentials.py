# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from pydantic import SecretStr
from support.tls import Certificates

from telemetry.config import Config, load_config
from telemetry.config.secret import Secret
from telemetry.errors import ConfigError


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("tls"))


def test_headers_are_percent_decoded_and_their_names_lowered(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_HEADERS", " X-Key = a%2Cb%20c , other=d=e,")
    assert load_config().headers() == {"x-key": "a,b c", "other": "d=e"}


def test_a_variable_in_a_header_is_taken_literally(monkeypatch):
    monkeypatch.setenv("MY_KEY", "a%2Cb,c=d")
    assert load_config(otlp_headers="key=Bearer%20${MY_KEY}").headers() == {"key": "Bearer a%2Cb,c=d"}


def test_a_mapping_in_code_is_taken_as_it_is():
    headers = {"Key": "${NOT}%20", "s": SecretStr("x")}
    assert load_config(otlp_headers=headers).headers() == {"key": "${NOT}%20", "s": "x"}


def test_a_mapping_in_a_file_knows_variables(monkeypatch, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("otlp_headers: {Key: '${K}%20'}\notlp_user: me\notlp_token: t-${K}")
    monkeypatch.setenv("K", "v")
    config = load_config(config_file=path)
    assert config.headers() == {"key": "v%20", "authorization": "Basic bWU6dC12"}


def test_a_token_outside_a_file_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_TOKEN", "${K}")
    config = load_config(otlp_user="u")
    assert config.otlp_token is not None
    assert config.otlp_token.get_secret_value() == "${K}"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("a=1,hunter2", "part 2 has no '='"),
        ("a b=hunter2", "the name of header 1 is not legal"),
        ("=hunter2", "the name of header 1 is not legal"),
        ("grpc-timeout=hunter2", "gRPC keeps for itself"),
        ("key-bin=hunter2", "gRPC keeps for itself"),
        ("a=hunter2%0D%0Ab", "the value of header 1 is not legal"),
        ("a=hunter2é", "the value of header 1 is not legal"),
        (
            "a=hunter2${UNSET_VARIABLE}",
            r"refers to \$\{UNSET_VARIABLE\}, which is not set. Set UNSET_VARIABLE",
        ),
        ({"a": 1}, "a value is not text"),
        (["a=hunter2"], "neither text nor a mapping"),
    ],
)
def test_bad_headers_are_told_without_their_values(given, problem):
    with pytest.raises(ConfigError, match=problem) as caught:
        load_config(otlp_headers=given)
    assert "hunter2" not in str(caught.value)
    assert "otlp_headers = '***'" in str(caught.value)


def test_a_token_of_a_file_that_names_an_unset_variable_is_an_error(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("otlp_user: me\notlp_token: hunter2${UNSET_VARIABLE}")
    with pytest.raises(ConfigError, match=r"otlp_token = '\*\*\*'.*UNSET_VARIABLE") as caught:
        load_config(config_file=path)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"otlp_user": "u"}, "otlp_user = 'u' .*otlp_token is missing; allowed: both or neither"),
        ({"otlp_token": "hunter2"}, r"otlp_token = '\*\*\*'.*otlp_user is missing"),
        ({"otlp_user": "a:b", "otlp_token": "hunter2"}, "has a colon"),
        ({"otlp_user": "u", "otlp_token": 5}, r"otlp_token = '\*\*\*'.*not text"),
        (
            {"otlp_user": "u", "otlp_token": "hunter2", "otlp_headers": "authorization=hunter2"},
            "otlp_headers has an authorization of its own",
        ),
        (
            {"otlp_endpoint": "http://u:hunter2@h:1", "otlp_user": "v", "otlp_token": "hunter2"},
            r"otlp_endpoint = 'http://\*\*\*@h:1'.*holds a user and password beside otlp_user",
        ),
        ({"otlp_endpoint": "http://u@h:1"}, "otlp_user = 'u'.*otlp_token is missing"),
        ({"otlp_endpoint": "u:hunter2@h"}, r"'\*\*\*@h'.*has no port"),
    ],
)
def test_credentials_that_do_not_fit_are_told_without_secrets(settings, problem):
    with pytest.raises(ConfigError, match=problem) as caught:
        load_config(**settings)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("make", [load_config, Config])
def test_no_secret_is_shown(make):
    config = make(
        otlp_token="hunter2", otlp_user="u", otlp_headers={"k": "hunter3"}, otlp_endpoint="https://h:1"
    )
    shown = f"{config!r} {config}"
    if isinstance(config, Config):
        shown += f"{config.model_dump()} {config.model_dump_json()}"
    assert "hunter" not in shown
    assert "***" in shown


def test_a_secret_compares_by_its_text():
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert (str(Secret("a")), repr(Secret("a"))) == ("***", "Secret('***')")


def test_good_certificates_are_taken_and_mean_tls(certificates):
    config = load_config(
        exporter="otlp",
        otlp_endpoint="localhost:4317",
        otlp_certificate=certificates.authority,
        otlp_client_certificate=str(certificates.client),
        otlp_client_key=certificates.client_key,
    )
    assert config.otlp_insecure is False
    assert config.otlp_client_certificate == certificates.client


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: no such file or directory"),
        (b"hello", "the file holds no PEM certificate; allowed: a PEM file with -----BEGIN CERTIFICATE-----"),
        (b"-----BEGIN PRIVATE KEY-----", "the file holds a private key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a damaged certificate"),
        (b"-" * (1024 * 1024 + 1), "larger than 1 MiB"),
    ],
)
def test_a_bad_certificate_is_found_at_set_up(tmp_path, content, problem):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"otlp_certificate = .*{problem}"):
        load_config(otlp_certificate=path, otlp_endpoint="https://h:1")


def test_a_folder_is_no_certificate(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        load_config(otlp_certificate=tmp_path)


@pytest.mark.parametrize("content", [b"hello", b"-----BEGIN CERTIFICATE-----"])
def test_a_bad_key_is_found_at_set_up(tmp_path, certificates, content):
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(
        ConfigError, match=r"otlp_client_key = .*the file holds (no PEM private key|a certificate)"
    ):
        load_config(otlp_client_certificate=certificates.client, otlp_client_key=path)


def test_an_encrypted_key_is_told_with_how_to_decrypt_it(tmp_path, certificates):
    path = tmp_path / "key.pem"
    path.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    with pytest.raises(ConfigError, match=r"needs a pass phrase.*openssl pkey"):
        load_config(otlp_client_certificate=certificates.client, otlp_client_key=path)


def test_a_key_must_belong_to_its_certificate(tmp_path, certificates):
    other = Certificates.make(tmp_path)
    with pytest.raises(ConfigError, match="the key does not belong to otlp_client_certificate"):
        load_config(otlp_client_certificate=certificates.client, otlp_client_key=other.client_key)


def test_certificate_and_key_go_together(certificates):
    with pytest.raises(ConfigError, match=r"otlp_client_key is missing"):
        load_config(otlp_client_certificate=certificates.client)


def test_a_certificate_beside_plain_text_is_an_error(certificates):
    with pytest.raises(ConfigError, match="the connection is plain text, so it would not be used"):
        load_config(otlp_endpoint="http://h:1", otlp_certificate=certificates.authority)


def test_a_standard_certificate_beside_plain_text_does_no_harm(monkeypatch, certificates):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificates.authority))
    assert load_config(otlp_endpoint="http://h:1").otlp_insecure is True
