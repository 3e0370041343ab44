# SPDX-License-Identifier: Apache-2.0
"""`diagnose` for the exporters that need no receiver."""

from __future__ import annotations

import socket

import pytest
from support import faulty_otlp as faulty

from telemetry.errors import TelemetryError
from telemetry.exporters.base import Exporters


@pytest.mark.parametrize(
    ("exporter", "outcome", "headline"),
    [
        ("stdout", "ok", "prints to standard output"),
        ("memory", "ok", "keeps everything in memory, for tests"),
        ("none", "warning", "nothing leaves the process"),
        ("inherit", "warning", "the application's own providers are used"),
    ],
)
def test_exporters_that_need_nothing(check, exporter, outcome, headline):
    (finding,) = check(exporter=exporter)
    assert (finding.check, str(finding.outcome), finding.headline) == (exporter, outcome, headline)


def test_a_new_file_can_be_written_and_is_not_left_behind(check, tmp_path):
    (finding,) = check(exporter="file", file_path=tmp_path / "new.jsonl")
    assert finding.headline == "the file can be written"
    assert not (tmp_path / "new.jsonl").exists()


def test_an_existing_file_keeps_its_content(check, tmp_path):
    path = tmp_path / "old.jsonl"
    path.write_text("old\n")
    (finding,) = check(exporter="file", file_path=path)
    assert finding.headline == "the file can be written"
    assert path.read_text() == "old\n"


def test_a_file_in_a_missing_directory_cannot_be_written(check, tmp_path):
    (finding,) = check(exporter="file", file_path=tmp_path / "nowhere" / "t.jsonl")
    assert finding.headline == "the file cannot be written"
    assert "No such file or directory" in finding.message


def test_a_free_port(check):
    (finding,) = check(exporter="prometheus", prometheus_port=faulty.closed_port())
    assert finding.headline == "the port is free"


def test_a_taken_port(check):
    with socket.create_server(("127.0.0.1", 0)) as server, faulty.http_server(404) as other:
        (silent,) = check(exporter="prometheus", prometheus_port=other.port)
        assert silent.headline == "the port is taken"
        server.close()


def test_a_port_that_speaks_no_http_is_taken(check):
    with faulty.raw_server(lambda connection: connection.sendall(b"hello\r\n")) as port:
        (finding,) = check(exporter="prometheus", prometheus_port=port)
    assert finding.headline == "the port is taken"


def test_a_port_that_already_serves_metrics_is_a_warning(check):
    with faulty.http_server(200, b"# TYPE up gauge\nup 1\n", {"Content-Type": "text/plain"}) as server:
        (finding,) = check(exporter="prometheus", prometheus_port=server.port)
    assert (str(finding.outcome), finding.headline) == ("warning", "metrics are already served on the port")


def test_an_address_that_is_not_ours_cannot_be_opened(check):
    (finding,) = check(exporter="prometheus", prometheus_host="192.0.2.1", prometheus_token="t")
    assert finding.headline == "the port cannot be opened"


@pytest.mark.filterwarnings("ignore:spool_dir:telemetry.config.IgnoredSettingWarning")
class Part:
    is_shut_down = False

    def shutdown(self):
        self.is_shut_down = True


def test_an_exporter_of_another_package_is_built_and_let_go(check, monkeypatch):
    part = Part()
    monkeypatch.setattr("telemetry.config.exporters._is_registered", lambda name: True)
    monkeypatch.setattr("telemetry.exporters.registry.build", lambda name, config: Exporters(spans=part))
    (finding,) = check(exporter="acme")
    assert (finding.check, finding.headline) == ("acme", "this exporter cannot be tried from here")
    assert part.is_shut_down


def test_an_exporter_of_another_package_that_cannot_be_built(check, monkeypatch):
    def fail(name, config):
        raise TelemetryError("acme: no licence")

    monkeypatch.setattr("telemetry.config.exporters._is_registered", lambda name: True)
    monkeypatch.setattr("telemetry.exporters.registry.build", fail)
    (finding,) = check(exporter="acme")
    assert finding.message == "the exporter cannot be built: acme: no licence"


def test_every_exporter_of_a_list_is_checked(check, tmp_path):
    findings = check(exporter="stdout,file", file_path=tmp_path / "t.jsonl")
    assert [finding.check for finding in findings] == ["stdout", "file"]
