# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from telemetry.config import load_config
from telemetry.errors import ConfigError

SIGNALS = ("metrics", "traces", "logs")


def by_signal(config):
    return tuple(",".join(config.exporters_for(signal)) for signal in SIGNALS)


@pytest.mark.parametrize("given", ["otlp, stdout,otlp", ["otlp", "stdout"], "OTLP,stdout"])
def test_a_list_is_a_fan_out(given):
    config = load_config(exporter=given)
    assert config.all_exporters == ("otlp", "stdout")
    assert config.exporter == "otlp,stdout"


def test_none_switches_every_signal_off():
    config = load_config(exporter="none")
    assert (config.exporter, config.all_exporters, by_signal(config)) == ("none", (), ("", "", ""))
    assert config.is_off


def test_prometheus_carries_metrics_only():
    assert by_signal(load_config(exporter="prometheus,otlp")) == ("prometheus,otlp", "otlp", "otlp")


@pytest.mark.parametrize("alone", ["none", "inherit"])
def test_none_and_inherit_stand_alone(alone):
    assert load_config(exporter=alone).exporter == alone
    with pytest.raises(ConfigError, match=f"'{alone}' cannot be combined with other exporters"):
        load_config(exporter=f"otlp,{alone}")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("otpl", "not an exporter; allowed: otlp, otlp-http, .*; did you mean 'otlp'"),
        ("otlp,zzzzzz", "'zzzzzz' is not an exporter"),
        (" , ", "names no exporter"),
        (3, "not the name of an exporter"),
        ([1], "not the name of an exporter"),
    ],
)
def test_a_bad_exporter_is_told_with_what_is_allowed(given, problem):
    with pytest.raises(ConfigError, match=problem):
        load_config(exporter=given)


def test_an_exporter_of_another_distribution_is_allowed():
    assert load_config(exporter="otlp_proto_grpc").exporter == "otlp_proto_grpc"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("stdout", "otlp", "stdout")),
        ({"OTEL_METRICS_EXPORTER": "console,prometheus"}, ("stdout,prometheus", "stdout", "stdout")),
        ({"OTEL_LOGS_EXPORTER": "none"}, ("stdout", "stdout", "")),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            ("stdout", "otlp-http", "stdout"),
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp_proto_http", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            ("stdout", "otlp-http", "stdout"),
        ),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_TRACES_EXPORTER": "otlp"}, ("", "", "")),
        ({"OTEL_SDK_DISABLED": "no"}, ("stdout", "stdout", "stdout")),
        ({f"OTEL_{name.upper()}_EXPORTER": "none" for name in SIGNALS}, ("", "", "")),
        ({"OTEL_SDK_DISABLED": "true", "KAIROS_TELEMETRY_EXPORTER": "file"}, ("file", "file", "file")),
    ],
)
def test_standard_variables_choose_for_their_signal(monkeypatch, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert by_signal(load_config()) == expected


def test_a_signal_without_a_standard_variable_has_the_files_exporter(monkeypatch, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("exporter: file")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    config = load_config(config_file=path)
    assert by_signal(config) == ("file", "stdout", "file")
    assert str(config.origins["exporter"]) == f"{path}: exporter, OTEL_TRACES_EXPORTER"


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "consle"},
            r"exporter = 'consle' \(from OTEL_TRACES_EXPORTER\): not an exporter; allowed: otlp, console, "
            r"none; did you mean 'console'\? Change or unset OTEL_TRACES_EXPORTER\.",
        ),
        ({"OTEL_METRICS_EXPORTER": "otlp,none"}, "'none' cannot be combined"),
        (
            {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json'.*allowed: grpc, http/protobuf",
        ),
        ({"OTEL_METRICS_EXPORTER": "zzzz"}, "allowed: otlp, console, prometheus, none"),
    ],
)
def test_a_bad_standard_exporter_names_its_variable(monkeypatch, environment, problem):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=problem):
        load_config()
