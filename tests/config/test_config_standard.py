# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from telemetry.config import load_config
from telemetry.errors import ConfigError


@pytest.mark.parametrize(
    ("variable", "text", "setting", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317", "otlp_endpoint", "http://collector:4317"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true", "otlp_insecure", True),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2.5", "otlp_timeout_seconds", 2.5),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "NONE", "otlp_compression", "none"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1500", "metric_interval_seconds", 1.5),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "250", "metric_timeout_seconds", 0.25),
        ("OTEL_SERVICE_NAME", "s", "service_name", "s"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.version=1%2C5", "service_version", "1,5"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=old", "environment", "old"),
        ("OTEL_TRACES_SAMPLER", "always_on", "traces_sampler_ratio", 1.0),
        ("OTEL_TRACES_SAMPLER", "parentbased_always_off", "traces_sampler_ratio", 0.0),
        ("OTEL_TRACES_SAMPLER", "traceidratio", "traces_sampler_ratio", 1.0),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "::", "prometheus_host", "::"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "9000", "prometheus_port", 9000),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "10", "attribute_value_limit", 10),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "11", "queue_max_records", 11),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "12", "queue_max_records", 12),
        ("OTEL_BSP_SCHEDULE_DELAY", "200", "flush_interval_seconds", 0.2),
        ("OTEL_BLRP_SCHEDULE_DELAY", "300", "flush_interval_seconds", 0.3),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "NO_CONTENT", "capture_content", "none"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY", "capture_content", "span"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "EVENT_ONLY", "capture_content", "event"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_and_event", "capture_content", "both"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true", "capture_content", "event"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "False", "capture_content", "none"),
    ],
)
def test_a_standard_variable_gives_the_setting(monkeypatch, variable, text, setting, value):
    monkeypatch.setenv(variable, text)
    config = load_config()
    assert getattr(config, setting) == value
    assert config.origins[setting].name == variable


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio", "ParentBased_TraceIdRatio"])
def test_a_ratio_sampler_takes_its_argument(monkeypatch, sampler):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    assert load_config().traces_sampler_ratio == 0.25


def test_a_samplers_argument_alone_means_nothing(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    assert load_config().traces_sampler_ratio == 1.0


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (
            {"OTEL_TRACES_SAMPLER": "allways_on"},
            "not a sampler; allowed: always_on, .*did you mean 'always_on'",
        ),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
            "OTEL_TRACES_SAMPLER_ARG is '2', not a ratio; allowed: a number at least 0 and at most 1",
        ),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "x"}, "'x', not a ratio"),
        (
            {"OTEL_METRIC_EXPORT_INTERVAL": "soon"},
            r"metric_interval_seconds = 'soon' \(from OTEL_METRIC_EXPORT_INTERVAL\): not a number; "
            "allowed: a number of milliseconds greater than 0",
        ),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "-5"}, "metric_interval_seconds = '-5'.*out of range"),
        (
            {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONYL"},
            "did you mean 'SPAN_ONLY'",
        ),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a"}, "resource_attributes = 'a'.*'a' has no '='"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "=1"}, "a name is empty"),
    ],
)
def test_a_bad_standard_variable_is_told_by_its_name(monkeypatch, environment, problem):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=problem):
        load_config()


def test_a_bad_variable_that_another_source_replaces_is_not_looked_at(monkeypatch):
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "soon")
    assert load_config(metric_interval_seconds=1).metric_interval_seconds == 1


@pytest.mark.parametrize(
    ("value", "problem"),
    [(3, "neither text nor a mapping"), ({"a": object()}, "of a type that no attribute")],
)
def test_resource_attributes_in_code_are_checked(value, problem):
    with pytest.raises(ConfigError, match=problem):
        load_config(resource_attributes=value)


def test_a_resource_attribute_needs_a_name():
    with pytest.raises(ConfigError, match="a name is empty or not text"):
        load_config(resource_attributes={1: "x"})
