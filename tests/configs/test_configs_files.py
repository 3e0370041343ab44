# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from telemetry.config import Config

CONFIGS = Path(__file__).parents[2] / "configs"
SITUATIONS = [
    "datadog-agent",
    "development",
    "grafana-cloud",
    "honeycomb",
    "new-relic",
    "production-collector",
    "prometheus",
    "splunk",
]
COLLECTOR_ONLY = ["audit-collector"]  # what sends to it reads no settings file
COLLECTORS = sorted(SITUATIONS + COLLECTOR_ONLY)
KINDS = ("receivers", "processors", "exporters", "connectors")
CURRENT = {
    "receivers": {"otlp", "otlpjsonfile"},
    "processors": {"batch", "memory_limiter", "tail_sampling", "cumulativetodelta"},
    "exporters": {"debug", "otlphttp", "datadog", "prometheus", "signalfx", "splunk_hec"},
    "connectors": {"datadog"},
    "extensions": {"health_check", "basicauth", "file_storage"},
}
COLLECTOR = shutil.which("otelcol-contrib") or shutil.which("otelcol")


@pytest.mark.parametrize("folder", ["sdk", "collector"])
def test_there_is_one_file_per_situation_and_readme_names_it(folder):
    expected = SITUATIONS if folder == "sdk" else COLLECTORS
    assert sorted(path.stem for path in (CONFIGS / folder).glob("*")) == expected
    readme = (CONFIGS / "README.md").read_text()
    assert all(f"({folder}/{name}.yaml)" in readme for name in expected)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_settings_file_loads(monkeypatch, name):
    path = CONFIGS / "sdk" / f"{name}.yaml"
    for variable in re.findall(r"^[^#\n]*\$\{(\w+)\}", path.read_text(), re.MULTILINE):
        monkeypatch.setenv(variable, "hunter2")
    config = Config(config_file=path)
    assert config.origins["exporter"].kind == "file"
    assert config.exporter in ("stdout", "otlp", "otlp-http", "prometheus")
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("name", "target", "header"),
    [
        ("new-relic", "https://otlp.nr-data.net", "api-key"),
        ("grafana-cloud", "https://otlp-gateway-prod-us-east-0.grafana.net/otlp", "authorization"),
        ("honeycomb", "https://api.honeycomb.io:443", "x-honeycomb-team"),
    ],
)
def test_a_vendors_address_and_header_are_in_place(monkeypatch, name, target, header):
    for variable in ("NEW_RELIC_LICENSE_KEY", "GRAFANA_CLOUD_TOKEN", "HONEYCOMB_API_KEY"):
        monkeypatch.setenv(variable, "key")
    config = Config(config_file=CONFIGS / "sdk" / f"{name}.yaml")
    assert config.http_base_url() == target
    assert list(config.headers()) == [header]
    assert config.otlp_insecure is False


def load(name):
    return yaml.safe_load((CONFIGS / "collector" / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", COLLECTORS)
def test_every_component_of_a_pipeline_is_defined_and_every_definition_used(name):
    config = load(name)
    defined = {kind: set(config.get(kind, {})) for kind in (*KINDS, "extensions")}
    pipelines = config["service"]["pipelines"].values()
    used = {kind: {part for line in pipelines for part in line.get(kind, [])} for kind in KINDS}
    connectors = defined["connectors"]
    assert used["receivers"] - connectors == defined["receivers"]
    assert used["exporters"] - connectors == defined["exporters"]
    assert used["processors"] == defined["processors"]
    assert connectors == connectors & used["receivers"] & used["exporters"]
    authenticators = {
        exporter["auth"]["authenticator"] for exporter in config["exporters"].values() if "auth" in exporter
    }
    assert authenticators <= set(config["service"]["extensions"]) == defined["extensions"]


@pytest.mark.parametrize("name", COLLECTORS)
def test_components_have_their_current_names(name):
    config = load(name)
    for kind, current in CURRENT.items():
        assert {part.partition("/")[0] for part in config.get(kind, {})} <= current


@pytest.mark.parametrize("name", COLLECTORS)
def test_every_variable_is_explained_or_has_a_default(name):
    text = (CONFIGS / "collector" / f"{name}.yaml").read_text()
    head = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    references = re.findall(r"\$\{([^}]*)\}", text)
    assert references
    for reference in references:
        assert reference.startswith("env:")
        variable, _, default = reference.removeprefix("env:").partition(":-")
        assert default or variable in head


def test_the_audit_collector_takes_a_sentry_dsn_apart_as_its_head_says():
    text = (CONFIGS / "collector" / "audit-collector.yaml").read_text()
    exports = re.findall(r"^# +\w+ +(export \w+=.*)$", text, re.MULTILINE)
    assert len(exports) == 2
    script = "\n".join([*exports, 'echo "$SENTRY_OTLP_URL $SENTRY_KEY"'])
    environment = os.environ | {"SENTRY_DSN": "https://abc123@o4.ingest.de.sentry.io/42"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "https://o4.ingest.de.sentry.io/api/42/integration/otlp abc123\n"


def test_the_audit_collector_leaves_no_span_out_and_names_the_agents_limit():
    pipelines = load("audit-collector")["service"]["pipelines"].values()
    assert all(line["receivers"] == ["otlp", "otlpjsonfile"] for line in pipelines)
    assert all("sampling" not in part for line in pipelines for part in line["processors"])
    text = (CONFIGS / "collector" / "audit-collector.yaml").read_text()
    assert "older than 7.42" in text
    assert {"DD_API_KEY", "SENTRY_DSN"} <= set(re.findall(r"\$\{env:(\w+)", text))


@pytest.mark.parametrize("name", [name for name in COLLECTORS if "tail_sampling" in load(name)["processors"]])
def test_sampling_keeps_errors(name):
    policies = load(name)["processors"]["tail_sampling"]["policies"]
    assert policies[0] == {
        "name": "errors",
        "type": "status_code",
        "status_code": {"status_codes": ["ERROR"]},
    }


@pytest.mark.skipif(COLLECTOR is None, reason="no otelcol or otelcol-contrib on PATH")
@pytest.mark.parametrize("name", COLLECTORS)
def test_the_collector_itself_accepts_it(name, tmp_path):
    variables = dict.fromkeys(
        re.findall(r"\$\{env:(\w+)\}", (CONFIGS / "collector" / f"{name}.yaml").read_text()),
        "https://localhost",
    )
    command = [COLLECTOR, "validate", "--config", str(CONFIGS / "collector" / f"{name}.yaml")]
    environment = (
        os.environ | variables | {"COLLECTOR_STORAGE": str(tmp_path), "AUDIT_STORAGE": str(tmp_path)}
    )
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
