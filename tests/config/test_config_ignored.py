# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings

import pytest

from telemetry.config import Config, IgnoredSettingWarning, load_config


@pytest.mark.parametrize("exporter", ["stdout", "file", "memory", "prometheus,stdout", "inherit"])
def test_a_spool_without_a_network_is_said_to_be_useless(exporter, tmp_path):
    with pytest.warns(
        IgnoredSettingWarning,
        match=r"spool_dir = '.*' \(from argument in code\) is not used: the exporter is "
        f"{exporter}, and only otlp and otlp-http keep on disk .* Use one of these, or unset spool_dir",
    ) as caught:
        load_config(exporter=exporter, spool_dir=tmp_path)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("exporter", ["otlp", "otlp-http", "stdout,otlp", "none"])
def test_a_spool_that_is_used_or_waits_for_better_days_is_fine(exporter, tmp_path):
    assert load_config(exporter=exporter, spool_dir=tmp_path).spool_dir == tmp_path


def test_a_spool_of_the_environment_is_told_by_its_variable(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_SPOOL_DIR", "/var/spool/kairos")
    with pytest.warns(
        IgnoredSettingWarning, match=r"'/var/spool/kairos' \(from KAIROS_TELEMETRY_SPOOL_DIR\) is not used"
    ):
        Config()


@pytest.mark.parametrize(
    ("suffix", "setting", "used"),
    [
        ("MAX_QUEUE_SIZE", "queue_max_records", 100),
        ("SCHEDULE_DELAY", "flush_interval_seconds", 0.1),
    ],
)
def test_standard_variables_that_differ_are_told(monkeypatch, suffix, setting, used):
    monkeypatch.setenv(f"OTEL_BSP_{suffix}", "100")
    monkeypatch.setenv(f"OTEL_BLRP_{suffix}", "200")
    with pytest.warns(
        IgnoredSettingWarning,
        match=f"OTEL_BLRP_{suffix} = '200' is not used: one setting, {setting}, is for spans and logs here, "
        f"and OTEL_BSP_{suffix} = '100' gives it. Make the two equal, or set KAIROS_TELEMETRY_",
    ) as caught:
        config = load_config()
    assert getattr(config, setting) == used
    assert caught[0].filename == __file__


def test_standard_variables_that_agree_or_are_replaced_are_not_told(monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", " 100 ")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("OTEL_BLRP_SCHEDULE_DELAY", "200")
    monkeypatch.setenv("KAIROS_TELEMETRY_FLUSH_INTERVAL_SECONDS", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_config().queue_max_records == 100


def test_limits_that_are_not_ours_are_left_alone(monkeypatch):
    for family in ("BSP", "BLRP"):
        monkeypatch.setenv(f"OTEL_{family}_EXPORT_TIMEOUT", "not a number")
        monkeypatch.setenv(f"OTEL_{family}_MAX_EXPORT_BATCH_SIZE", "1")
    assert load_config() == Config()
