# SPDX-License-Identifier: Apache-2.0
"""`kairos doctor` as people and programs use it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from support import faulty_otlp as faulty
from typer.testing import CliRunner

from telemetry.cli import app


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    for name in os.environ:
        if name.startswith(("KAIROS_", "OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_TIMEOUT_SECONDS", "2")


def doctor(*arguments):
    return CliRunner().invoke(app, ["doctor", *arguments])


def test_all_is_well():
    with faulty.grpc_server() as server:
        result = doctor("--exporter", "otlp", "--endpoint", f"127.0.0.1:{server.port}")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "✓ ok      otlp connection: something listens: 127.0.0.1 port" in result.stderr
    assert re.search(r"✓ ok      otlp span: received: 1 span in \d+ ms", result.stderr)
    assert result.stderr.endswith("All 7 checks passed.\n")


def test_a_failure_is_said_with_its_remedy_and_exit_1():
    port = faulty.closed_port()
    result = doctor("--exporter", "otlp", "--endpoint", f"127.0.0.1:{port}")
    assert result.exit_code == 1
    assert f"✗ failed  otlp connection: nothing is listening: 127.0.0.1 port {port}" in result.stderr
    assert f"          Start a receiver on port {port}" in result.stderr
    assert result.stderr.endswith("1 of 3 checks failed.\n")


def test_a_warning_is_no_failure():
    result = doctor("--exporter", "none")
    assert result.exit_code == 0
    assert "! warning none: nothing leaves the process" in result.stderr
    assert result.stderr.endswith("All 2 checks passed, 1 with a warning.\n")


def test_bad_settings_end_with_exit_2_and_no_traceback(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "otpl")
    result = doctor()
    assert result.exit_code == 2
    assert "KAIROS_TELEMETRY_EXPORTER" in result.stderr
    assert "'otpl'" in result.stderr
    assert "did you mean 'otlp'" in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_variable_is_a_warning(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_ENDPONT", "x:1")
    result = doctor("--exporter", "memory")
    assert result.exit_code == 0
    assert "! warning settings: a setting looks wrong: " in result.stderr
    assert "KAIROS_TELEMETRY_OTLP_ENDPOINT" in result.stderr


def test_json_goes_to_stdout():
    with faulty.http_server(401, b"no key") as server:
        result = doctor("--exporter", "otlp-http", "--endpoint", f"http://127.0.0.1:{server.port}", "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert [finding["outcome"] for finding in answer["findings"]] == ["ok"] * 3 + ["failed"] * 3
    last = answer["findings"][-1]
    assert sorted(last) == ["check", "headline", "message", "outcome", "remedy"]
    assert last["headline"] == "the receiver does not accept the credentials"


def test_json_of_good_news():
    result = doctor("--exporter", "memory", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["ok"] is True


def test_json_of_bad_settings():
    result = doctor("--exporter", "otpl", "--json")
    assert result.exit_code == 2
    (finding,) = json.loads(result.stdout)["findings"]
    assert finding["headline"] == "a setting cannot be used"
    assert "'otpl'" in finding["message"]


def test_a_settings_file_without_the_extra_that_reads_it(monkeypatch, tmp_path):
    (tmp_path / "settings.yaml").write_text("exporter: memory\n")
    monkeypatch.setenv("KAIROS_TELEMETRY_CONFIG_FILE", str(tmp_path / "settings.yaml"))
    monkeypatch.setitem(sys.modules, "yaml", None)
    result = doctor("--json")
    assert result.exit_code == 2
    assert "pip install 'kairos-telemetry[yaml]'" in result.stderr
    assert "kairos-telemetry[yaml]" in json.loads(result.stdout)["findings"][0]["message"]


def test_secure_and_insecure_override_the_settings(monkeypatch):
    with faulty.grpc_server() as server:
        endpoint = f"127.0.0.1:{server.port}"
        assert "TLS was tried" in doctor("--exporter", "otlp", "--endpoint", endpoint, "--secure").stderr
        monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_INSECURE", "false")
        assert doctor("--exporter", "otlp", "--endpoint", endpoint, "--insecure").exit_code == 0


def test_secrets_are_never_printed(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_USER", "me")
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_TOKEN", "s3cr3t-token")
    monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_HEADERS", "x-key=s3cr3t-key")
    words = b"token s3cr3t-token and s3cr3t-key refused"
    with faulty.http_server(403, words, {"Content-Type": "text/plain"}) as server:
        result = doctor("--exporter", "otlp-http", "--endpoint", f"http://127.0.0.1:{server.port}", "--json")
    assert "s3cr3t" not in result.output
    assert "token *** and *** refused" in result.stdout


def test_the_installed_command_writes_no_colour_into_a_pipe():
    environ = {**os.environ, "NO_COLOR": "1"}
    environ.pop("GRPC_VERBOSITY")
    result = subprocess.run(
        [sys.executable, "-c", "from telemetry.cli import main; main()", "doctor", "--exporter", "stdout"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environ,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "")
    assert "\x1b[" not in result.stderr
    assert result.stderr.splitlines() == [
        "✓ ok      settings: the settings are valid: service kairos-doctor, exporter stdout",
        "✓ ok      stdout: prints to standard output",
        "All 2 checks passed.",
    ]
