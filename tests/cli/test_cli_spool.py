# SPDX-License-Identifier: Apache-2.0
"""`kairos spool` as people and programs use it."""

from __future__ import annotations

import json

import pytest
from support import faulty_otlp as faulty
from support.spools import Books, files, request, spool
from typer.testing import CliRunner

from telemetry.cli import app
from telemetry.errors import TelemetryError
from telemetry.exporters.base import Exporters, Otlp
from telemetry.exporters.transport import Accepted, Refused


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A spool of the exporter `otlp` with three requests of a process that is gone; configured."""
    monkeypatch.setenv("KAIROS_TELEMETRY_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "otlp")
    one = spool(tmp_path / "spool" / "otlp")
    for signal in ("logs", "logs", "traces"):
        queue = one._queues.get(signal) or one.queue(signal, 10**6, Books())
        queue.put(request(signal.encode(), records=2, signal=signal))
    one.close()
    return tmp_path / "spool" / "otlp"


@pytest.fixture
def receiver(monkeypatch):
    class Receiver:
        reply = Accepted()
        sent = 0
        is_closed = False

        def send(self, request, timeout_s):
            self.sent += 1
            return self.reply

        def close(self):
            self.is_closed = True

    transport = Receiver()
    built = Exporters(otlp=Otlp(lambda: transport, {}, {}))
    monkeypatch.setattr("telemetry.exporters.registry.build", lambda name, config: built)
    return transport


def run(*arguments, **options):
    return CliRunner().invoke(app, ["spool", *map(str, arguments)], **options)


def test_ls_shows_what_waits(folder):
    result = run("ls")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0][:3] == ["EXPORTER", "SIGNAL", "STATE"]
    assert lines[1][:5] == ["otlp", "traces", "waiting", "1", "2"]
    assert lines[2][:5] == ["otlp", "logs", "waiting", "2", "4"]
    assert lines[1][-4:] == ["0", "alive,", "1", "gone"]


def test_ls_as_json(folder):
    result = run("ls", "--json")
    answer = json.loads(result.stdout)
    assert answer["spool_dir"] == str(folder.parent)
    assert [row["records"] for row in answer["exporters"][0]["waiting"]] == [2, 4]
    assert answer["exporters"][0]["waiting"][0]["oldest_age_s"] > 0


def test_ls_of_a_named_directory(folder, monkeypatch):
    monkeypatch.delenv("KAIROS_TELEMETRY_SPOOL_DIR")
    assert run("ls", folder.parent).exit_code == 0


def test_ls_of_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "otlp")
    monkeypatch.setenv("KAIROS_TELEMETRY_SPOOL_DIR", str(tmp_path / "later"))
    result = run("ls")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"There is no spool in {tmp_path / 'later'}.\n"


def test_without_a_directory_nothing_can_be_shown():
    result = run("ls")
    assert result.exit_code == 2
    assert "spool_dir is not set" in result.stderr
    assert "KAIROS_TELEMETRY_SPOOL_DIR" in result.stderr


def test_an_argument_that_is_no_directory_is_wrong_use(tmp_path):
    result = run("ls", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "is not a directory" in result.stderr


def test_settings_that_cannot_be_used(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "otpl")
    result = run("send")
    assert result.exit_code == 2
    assert "did you mean 'otlp'" in result.stderr


def test_a_directory_that_cannot_be_read(folder, monkeypatch):
    def fail(spool_dir):
        raise PermissionError(13, "Permission denied", str(spool_dir))

    monkeypatch.setattr("telemetry.spool.survey.survey", fail)
    result = run("ls")
    assert result.exit_code == 1
    assert "cannot be read: Permission denied" in result.stderr


def test_send_delivers_what_was_left(folder, receiver):
    result = run("send")
    assert (result.exit_code, result.stdout) == (0, "otlp: 6 records delivered\n")
    assert receiver.sent == 3
    assert receiver.is_closed
    assert files(folder) == []


def test_send_speaks_to_a_real_receiver(tmp_path, monkeypatch):
    one = spool(tmp_path / "spool" / "otlp")
    one.queue("logs", 10**6, Books()).put(request(b"", records=3))
    one.close()
    monkeypatch.setenv("KAIROS_TELEMETRY_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "otlp")
    with faulty.grpc_server() as server:
        monkeypatch.setenv("KAIROS_TELEMETRY_OTLP_ENDPOINT", f"127.0.0.1:{server.port}")
        result = run("send")
    assert (result.exit_code, result.stdout) == (0, "otlp: 3 records delivered\n")
    assert files(tmp_path / "spool" / "otlp") == []


def test_send_says_what_was_refused(folder, receiver):
    receiver.reply = Refused("400: no")
    result = run("send")
    assert result.exit_code == 1
    assert result.stdout == "otlp: 0 records delivered, 6 dropped (refused): 400: no\n"
    again = run("send")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "Nothing waits" in again.stderr


def test_send_tries_dead_letters_again(folder, receiver):
    receiver.reply = Refused("400: no")
    run("send")
    receiver.reply = Accepted()
    result = run("send", "--dead-letters", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "exporters": [
            {"exporter": "otlp", "delivered": 6, "dropped": {}, "error": None, "waiting": 0, "running": 0}
        ]
    }


def test_send_needs_the_exporter_that_wrote_it(folder, monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "otlp-http")
    result = run("send")
    assert result.exit_code == 1
    assert "otlp: 0 records delivered: KAIROS_TELEMETRY_EXPORTER is otlp-http; set it as" in result.stdout


@pytest.mark.parametrize("built", [Exporters(), TelemetryError("no licence")])
def test_send_needs_an_exporter_that_can_be_built(folder, monkeypatch, built):
    def build(name, config):
        if isinstance(built, Exception):
            raise built
        return built

    monkeypatch.setattr("telemetry.exporters.registry.build", build)
    result = run("send")
    assert result.exit_code == 1
    assert "this exporter sends nothing from a spool" in result.stdout or "no licence" in result.stdout
    assert len(files(folder)) == 3


def test_drop_asks_first(folder):
    result = run("drop", input="n\n")
    assert result.exit_code == 1
    assert "Drop 3 waiting requests with 6 records?" in result.stderr
    assert "Nothing was dropped." in result.stderr
    assert len(files(folder)) == 3
    result = run("drop", input="y\n")
    assert result.exit_code == 0
    assert result.stdout.endswith("Dropped 3 waiting requests with 6 records.\n")
    assert files(folder) == []


def test_drop_takes_only_what_is_named(folder):
    assert run("drop", "--yes", "--signal", "traces").stdout.startswith("Dropped 1 waiting request with ")
    assert {file.signal for file in files(folder)} == {"logs"}
    assert "No waiting requests to drop" in run("drop", "--yes", "--older-than", "9000d").stderr
    assert run("drop", "--yes", "--older-than", "1").stdout.startswith("Dropped 2 waiting requests")


def test_drop_of_dead_letters(folder, receiver):
    receiver.reply = Refused("400: no")
    run("send")
    assert len(files(folder / "dead-letters")) == 3
    result = run("drop", "--dead-letters", "-y")
    assert result.stdout == "Dropped 3 dead letters and damaged files with 6 records.\n"
    assert files(folder / "dead-letters") == []


@pytest.mark.parametrize("duration", ["soon", "-1", "2w", "1e3", ""])
def test_a_duration_that_is_none_is_wrong_use(folder, duration):
    result = run("drop", "--older-than", duration)
    assert result.exit_code == 2
    assert "is not a duration; allowed: seconds, or a number with s, m, h or d" in result.stderr


def test_drop_that_is_not_permitted(folder, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr("telemetry.spool.clearing.clear", fail)
    result = run("drop")
    assert result.exit_code == 1
    assert "x cannot be dropped: Permission denied." in result.stderr
