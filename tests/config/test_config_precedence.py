# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from telemetry.config import Config, Origin, Settings, UnknownSettingWarning, load_config
from telemetry.errors import ConfigError, MissingExtraError


@pytest.fixture
def settings_file(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("telemetry:\n  metric_interval_seconds: 4\n  service_version: 1.10\n")
    return path


def test_code_stands_above_everything(monkeypatch, settings_file):
    monkeypatch.setenv("KAIROS_TELEMETRY_METRIC_INTERVAL_SECONDS", "2")
    config = load_config(metric_interval_seconds=1, config_file=settings_file)
    assert config.metric_interval_seconds == 1
    assert config.origins["metric_interval_seconds"] == Origin("code", "metric_interval_seconds")


def test_our_variable_stands_above_the_standard_one(monkeypatch, settings_file):
    monkeypatch.setenv("KAIROS_TELEMETRY_METRIC_INTERVAL_SECONDS", "2")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3000")
    config = load_config(config_file=settings_file)
    assert config.metric_interval_seconds == 2
    assert str(config.origins["metric_interval_seconds"]) == "KAIROS_TELEMETRY_METRIC_INTERVAL_SECONDS"


def test_the_standard_variable_stands_above_the_file(monkeypatch, settings_file):
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3000")
    monkeypatch.setenv("KAIROS_TELEMETRY_CONFIG_FILE", str(settings_file))
    config = load_config()
    assert config.metric_interval_seconds == 3
    assert config.origins["metric_interval_seconds"].kind == "standard"


def test_the_file_stands_above_the_default(settings_file):
    config = load_config(config_file=settings_file)
    assert config.metric_interval_seconds == 4
    assert str(config.origins["metric_interval_seconds"]) == f"{settings_file}: metric_interval_seconds"


def test_what_no_source_sets_is_the_default():
    config = load_config()
    assert config.metric_interval_seconds == 60
    assert str(config.origins["metric_interval_seconds"]) == "default"


def test_a_file_is_read_as_text_so_that_versions_keep_their_zeros(settings_file):
    assert load_config(config_file=settings_file).service_version == "1.10"


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_none_and_empty_text_leave_a_setting_to_the_next_source(monkeypatch, empty):
    monkeypatch.setenv("KAIROS_TELEMETRY_SEMCONV", "kairos")
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "  ")
    config = load_config(semconv=empty)
    assert (config.semconv, config.exporter) == ("kairos", "stdout")


def test_the_name_given_to_init_is_a_default(monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-outside")
    config = load_config("from-init", "2.0")
    assert (config.service_name, config.service_version) == ("from-outside", "2.0")
    assert config.origins["service_version"].kind == "code"


def test_a_config_given_in_code_takes_the_rest_from_the_environment(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_TIMEOUT_SECONDS", "3")
    config = Config(exporter="otlp", otlp_endpoint="localhost:4317", otlp_insecure=True)
    assert (config.exporter, config.otlp_timeout_seconds) == ("otlp", 3)


def test_config_and_settings_of_the_same_sources_are_equal():
    settings = load_config(exporter="otlp", otlp_headers={"a": "b"})
    config = Config(exporter="otlp", otlp_headers={"a": "b"})
    assert isinstance(config, Settings)
    assert settings == load_config(exporter="otlp", otlp_headers="a=b")
    assert all(getattr(settings, name) == getattr(config, name) for name in Config.model_fields)
    assert settings.origins == config.origins
    assert settings != 1


def test_config_takes_name_and_version_of_init_where_it_has_none():
    config = Config(service_name="mine").for_service("from-init", "3")
    assert (config.service_name, config.service_version) == ("mine", "3")
    assert config.origins["service_version"].kind == "code"
    assert config.for_service("other", "4") is config


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError, match="immutable: exporter cannot be changed"):
        load_config().exporter = "otlp"
    with pytest.raises(ValueError, match="frozen"):
        Config().exporter = "otlp"
    with pytest.raises(TypeError):
        hash(load_config())


@pytest.mark.parametrize("make", [load_config, Config])
def test_settings_survive_a_pickle(make):
    config = make(exporter="otlp", otlp_endpoint="https://u:p@collector:1")
    again = pickle.loads(pickle.dumps(config))
    assert again == config
    assert again.headers() == config.headers()
    assert again.grpc_target() == ("collector:1", False)


def test_resource_attributes_of_all_sources_are_merged(monkeypatch, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("resource_attributes: {team: file, zone: file}\nenvironment: file")
    monkeypatch.setenv(
        "OTEL_RESOURCE_ATTRIBUTES", "team=standard%2C1,cloud=standard,deployment.environment.name=standard"
    )
    monkeypatch.setenv("KAIROS_TELEMETRY_RESOURCE_ATTRIBUTES", "cloud=ours,service.version=7")
    config = load_config(config_file=path, resource_attributes={"n": 1, "l": ["a"]})
    assert config.resource_attributes == {
        "team": "standard,1",
        "zone": "file",
        "cloud": "ours",
        "n": 1,
        "l": ("a",),
    }
    assert (config.environment, config.service_version) == ("standard", "7")
    assert config.origins["resource_attributes"].kind == "code"


def test_the_setting_stands_above_the_attribute_of_the_same_source(monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "variable")
    assert load_config().service_name == "variable"


def test_an_unknown_variable_is_warned_of_with_the_nearest_name(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_ENDPONT", "secret:1")
    with pytest.warns(UnknownSettingWarning, match="did you mean KAIROS_TELEMETRY_OTLP_ENDPOINT") as caught:
        load_config()
    assert "secret" not in str(caught[0].message)
    assert caught[0].filename == __file__


def test_an_unknown_variable_like_nothing_is_warned_of_too(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_ZZZ", "1")
    with pytest.warns(UnknownSettingWarning, match="'KAIROS_TELEMETRY_ZZZ' is not a setting.*unset it"):
        load_config()


def test_a_file_may_be_empty_and_leave_values_open(tmp_path):
    empty, flat = tmp_path / "empty.yaml", tmp_path / "flat.yaml"
    empty.write_text("telemetry:\n")
    flat.write_text("exporter: [otlp, stdout]\nsemconv: null\nspool_dir: ~\n")
    assert load_config(config_file=empty).exporter == "stdout"
    config = load_config(config_file=str(flat))
    assert (config.exporter, config.semconv, config.spool_dir) == ("otlp,stdout", "both", None)


def test_a_home_folder_in_a_path_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "s.yaml").write_text("exporter: otlp\nspool_dir: ~/spool")
    assert load_config(config_file="~/s.yaml").spool_dir == tmp_path / "spool"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"exporter: [", r"not YAML at line 1, column \d+"),
        (b"- a\n- b", "not a mapping of settings"),
        (b"? [a]\n: b", "not YAML|not a mapping"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"[" * 5000, "not YAML"),
        (b"#" * (1024 * 1024 + 1), "larger than 1 MiB"),
        (b"expoter: otlp", r"'expoter' \(from .*s.yaml: expoter\): not a setting; did you mean 'exporter'\?"),
        (b"config_file: other.yaml", "'config_file'.*not a setting"),
        (b"semconv: {a: b}", "semconv = a value of type dict .*not one of the choices"),
    ],
)
def test_a_bad_file_is_told_without_its_content(tmp_path, content, problem):
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        load_config(config_file=path)


@pytest.mark.parametrize("path", ["/nowhere/s.yaml", "/", "a\0b", 7])
def test_a_file_that_cannot_be_read_is_an_error(path):
    with pytest.raises(ConfigError, match=r"config_file = .* (cannot be read|not a path)"):
        load_config(config_file=path)


def test_a_settings_file_without_pyyaml_names_the_extra(monkeypatch, settings_file):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kairos-telemetry\[yaml\]'"):
        load_config(config_file=settings_file)


def test_reading_settings_imports_neither_pydantic_nor_entry_points(bare_environment):
    code = (
        "import sys; from telemetry.config import load_config; load_config(exporter='otlp');"
        "print([name for name in ('pydantic', 'pydantic_core', 'yaml', 'difflib', 'importlib.metadata')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare_environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
