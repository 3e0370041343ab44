# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

from telemetry.config import load_config
from telemetry.config.exporters import BUILT_IN
from telemetry.errors import ConfigError, TelemetryError
from telemetry.exporters import registry
from telemetry.exporters.base import Exporters


class ThirdPartySpans(SpanExporter):
    """What a distribution might register."""


def broken() -> SpanExporter:
    raise RuntimeError("no licence key")


def register(monkeypatch: pytest.MonkeyPatch, **points: tuple[str, str]) -> None:
    """Pretend that a distribution registered these: name=(group, object in this module)."""
    made = EntryPoints(
        EntryPoint(name.replace("_", "-"), f"{__name__}:{target}", group)
        for name, (group, target) in points.items()
    )
    monkeypatch.setattr("importlib.metadata.entry_points", made.select)
    monkeypatch.setattr(EntryPoint, "load", lambda point: globals()[point.attr])


def test_every_built_in_name_has_a_module_that_builds(tmp_path):
    for name in registry.names():
        config = load_config("svc", "1", exporter=name, file_path=tmp_path / "out.jsonl", prometheus_port=0)
        built = registry.build(name, config)
        try:
            assert isinstance(built, Exporters)
        finally:
            for part in (built.metrics, built.spans, built.logs):
                if part is not None:
                    part.shutdown()


def test_settings_and_registry_know_the_same_names():
    assert set(registry.names()) | {"none", "inherit"} == set(BUILT_IN)


def test_only_prometheus_leaves_signals_out(tmp_path):
    config = load_config("svc", "1", exporter="prometheus", prometheus_port=0)
    built = registry.build("prometheus", config)
    assert built.spans is None
    assert built.logs is None
    built.metrics.shutdown()


def test_a_third_partys_class_is_called_without_arguments(monkeypatch):
    register(monkeypatch, acme=("opentelemetry_traces_exporter", "ThirdPartySpans"))
    built = registry.build("acme", load_config("svc", "1"))
    assert isinstance(built.spans, ThirdPartySpans)
    assert built.metrics is None
    assert built.logs is None


def test_exporters_of_installed_distributions_are_found():
    assert any(
        point.name == "console"
        for point in importlib.metadata.entry_points(group="opentelemetry_metrics_exporter")
    )
    built = registry.build("console", load_config("svc", "1"))
    assert isinstance(built.metrics, ConsoleMetricExporter)
    assert built.spans is not None
    assert built.logs is not None


def test_a_third_party_that_fails_is_named_with_its_reason(monkeypatch):
    register(monkeypatch, acme=("opentelemetry_traces_exporter", "broken"))
    with pytest.raises(
        TelemetryError,
        match=r"exporter: 'acme' \(.*:broken, .*\) could not be set up: RuntimeError: no licence key",
    ):
        registry.build("acme", load_config("svc", "1"))


def test_an_unknown_name_is_answered_with_the_nearest_one():
    with pytest.raises(
        ConfigError, match=r"exporter: 'otpl' is not known; allowed: otlp, .*did you mean 'otlp'\?"
    ):
        registry.build("otpl", load_config("svc", "1"))


def test_a_name_like_no_other_is_answered_without_a_guess():
    with pytest.raises(ConfigError, match=r"'qqqq' is not known; allowed: .*opentelemetry_logs_exporter\.$"):
        registry.build("qqqq", load_config("svc", "1"))
