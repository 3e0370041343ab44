# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import sys

import pytest
import typer
from typer.testing import CliRunner

from telemetry.cli import config as subcommand


@pytest.fixture
def run(monkeypatch):
    app = typer.Typer()
    app.command()(subcommand.command)

    def invoke(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, arguments)

    return invoke


def test_it_prints_aligned_text_with_origins(run):
    result = run(KAIROS_TELEMETRY_EXPORTER="otlp", OTEL_EXPORTER_OTLP_HEADERS="k=hunter2")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["SETTING", "VALUE", "FROM"]
    assert lines[1].split() == ["exporter", "otlp", "KAIROS_TELEMETRY_EXPORTER"]
    assert "spool_dir" in result.stdout
    assert len({line.index(end) for line, end in zip(lines[:2], ("FROM", "KAIROS"), strict=True)}) == 1
    assert "hunter2" not in result.stdout


def test_json_is_for_programs(run, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("exporter: file\notlp_user: u\notlp_token: hunter2")
    result = run("--json", "--config-file", str(path))
    told = json.loads(result.stdout)
    assert told["exporter"] == {"value": "file", "origin": f"{path}: exporter"}
    assert told["otlp_token"]["value"] == "***"
    assert told["cardinality_limit"] == {"value": 2000, "origin": "default"}


def test_bad_settings_end_with_2_and_no_traceback(run):
    result = run(KAIROS_TELEMETRY_EXPORTER="otpl")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "exporter = 'otpl' (from KAIROS_TELEMETRY_EXPORTER)" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_extra_ends_with_2_and_what_to_install(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "yaml", None)
    result = run("--config-file", str(tmp_path / "s.yaml"))
    assert result.exit_code == 2
    assert "pip install 'kairos-telemetry[yaml]'" in result.stderr


@pytest.mark.parametrize("no_color", [True, False])
def test_a_terminal_gets_a_table_without_markup(monkeypatch, capsys, no_color):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("KAIROS_TELEMETRY_SERVICE_NAME", "[red]x")
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    subcommand.command()
    shown = capsys.readouterr().out
    assert "[red]x" in shown
    assert "setting" in shown
    assert not (no_color and "\x1b[31" in shown)
