# SPDX-License-Identifier: Apache-2.0
"""The commands, in the three ways in which they run; and the file that needs nothing but Python."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from support.audit_trails import SECRET, hydra_hash, proof, rows_of, write, write_hydra
from typer.testing import CliRunner

import telemetry
from telemetry.audit import cli
from telemetry.audit.bundle import build
from telemetry.cli import app

ROOT = Path(telemetry.__file__).parents[1]
ROW = (
    '{"event":"tool_use","ts":"2026-04-15T14:23:00Z","tool":"Write","duration_ms":42,"bytes_in":120,'
    '"bytes_out":0,"prev_hash":"GENESIS","policy_outcome":"allowed"}\n'
)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    for name in ("KAIROS_AUDIT_KEY_FILE", "KAIROS_AUDIT_KEYS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAIROS_AUDIT_KEY", SECRET)


@pytest.fixture
def run(capfd):
    def run(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "audit.jsonl", 9, files=3)[-1]


def change(log):
    file = min(log.parent.glob("audit-*.jsonl"))
    file.write_text(file.read_text().replace('"duration_ms":1', '"duration_ms":7'))
    return file


# -- verify ------------------------------------------------------------------------------------


def test_an_intact_trail_is_told_with_its_anchor(run, log):
    anchor = proof(log).anchor
    assert run("verify", log) == (0, f"{log}: intact: 9 rows in 3 files proven\n  anchor: {anchor}\n", "")
    assert run("verify", log, "--anchor", anchor)[0] == 0


def test_a_broken_trail_is_told_with_the_first_broken_line(run, log):
    file = change(log)
    code, out, err = run("verify", log)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"{log}: NOT INTACT: 1 finding; 8 rows in 3 files proven",
        f"  {file.name}:2: was changed: its hmac does not fit",
    ]


def test_verdicts_as_json_are_one_object_for_each_log(run, log, tmp_path):
    write_hydra(tmp_path / "hydra.jsonl", 4)
    code, out, _ = run("verify", "--json", log, tmp_path / "hydra.jsonl")
    first, second = map(json.loads, out.splitlines())
    assert (code, first["intact"], first["rows"], first["log"]) == (0, True, 9, str(log))
    assert (second["sealed"], second["rows"], len(second["notes"])) == (False, 4, 1)


def test_only_twenty_findings_are_listed_unless_all_are_wanted(run, tmp_path):
    log = write(tmp_path / "audit.jsonl", 30)[0]
    log.write_text(log.read_text().replace("Write", "write"))
    out = run("verify", log)[1].splitlines()
    assert (len(out), out[-1]) == (22, "  ... and 10 more")
    assert len(run("verify", "--all", log)[1].splitlines()) == 31


def test_an_unsealed_log_is_refused_where_a_seal_is_wanted(run, tmp_path):
    write_hydra(tmp_path / "hydra.jsonl", 3)
    assert run("verify", tmp_path / "hydra.jsonl")[0] == 0
    assert run("verify", "--sealed", tmp_path / "hydra.jsonl")[0] == 1


def test_nothing_that_a_terminal_would_obey_is_printed(run, tmp_path):
    log = tmp_path / "a\x1b[31mudit.jsonl"
    write(log, 1)
    assert "\x1b" not in run("verify", log)[1]


@pytest.mark.parametrize(
    ("environment", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_terminals_that_want_them(log, environment, is_coloured):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "telemetry.audit", "verify", str(log)]
    subprocess.run(
        command, stdout=theirs, check=True, cwd=ROOT, env={**os.environ, "TERM": "xterm", **environment}
    )
    os.close(theirs)
    text = os.read(ours, 10_000)
    os.close(ours)
    assert (b"\x1b[1;32mintact\x1b[0m" in text) == is_coloured
    assert b"intact" in text


# -- wrong use ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["verfy"],
            "there is no command 'verfy'; did you mean 'verify'?\nAllowed: append, verify, export, report",
        ),
        (["verify", "x", "--sealde"], "'--sealde' is not known; did you mean '--sealed'?"),
        (["verify", "x", "--qqqqqqq=1"], "'--qqqqqqq' is not known\nAllowed: -h, --help, --anchor"),
        (["verify"], "the following arguments are required: LOG\nTry: kairos audit verify --help"),
        (
            ["verify", "x", "--anchor", "1"],
            "--anchor '1' is no anchor; allowed: <number of a row>:<its hash>",
        ),
        (
            ["verify", "x", "y", "--anchor", "1:" + "A" * 43 + "="],
            "--anchor is a row of one log; name one log",
        ),
        (
            ["export", "x", "--batch", "0"],
            "argument --batch: '0' is not allowed; allowed: a whole number from 1",
        ),
        (
            ["export", "x", "--timeout", "soon"],
            "'soon' is not allowed; allowed: seconds from 0 upwards, such as 2.5",
        ),
        (
            ["export", "x", "--resource", "team"],
            "'team' is not allowed; allowed: NAME=VALUE, such as team=payments",
        ),
        (["export", "x", "--ts", "middle"], "argument --ts: invalid choice: 'middle' (choose from"),
        (["export", "x", "-o", "y", "--endpoint", "z"], "--output and --endpoint exclude each other"),
        (["append", "x", "e", "tool"], "'tool' is not allowed; allowed: NAME=TEXT such as tool=Bash"),
        (["append", "x", "e", "n:=x"], "'n:=x' is not allowed; allowed: NAME:=JSON, such as duration_ms:=42"),
        (["verify", "missing.jsonl"], "there is no audit trail 'missing.jsonl'"),
        (["report", "missing.jsonl"], "there is no audit trail 'missing.jsonl'"),
        (["verify", "x", "--key-file", "missing"], "the key file 'missing' cannot be read: No such file"),
    ],
)
def test_wrong_use_is_told_with_what_is_allowed(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("kairos audit: ")
    assert message in err


def test_without_a_key_the_ways_to_give_one_are_told(run, log, monkeypatch):
    monkeypatch.delenv("KAIROS_AUDIT_KEY")
    code, _, err = run("verify", log)
    assert code == 2
    assert "there is no audit key; set KAIROS_AUDIT_KEY" in err


def test_help_teaches(run):
    for command in ([], ["append"], ["verify"], ["export"], ["report"]):
        code, out, err = run(*command, "--help")
        assert (code, err) == (0, "")
        assert "examples:\n  kairos audit" in out
        assert "exit status: 0" in out or command == ["append"]
    code, out, _ = run()
    assert code == 2
    assert "usage: kairos audit" in out


# -- append ------------------------------------------------------------------------------------


def test_a_row_is_appended_from_arguments(run, tmp_path):
    log = tmp_path / "audit.jsonl"
    assert run("append", log, "deploy", "target=prod", "duration_ms:=42", "tags:=[1,2]", "note=a=b") == (
        0,
        "",
        "",
    )
    row = rows_of(log)[0]
    assert (row["event"], row["target"], row["duration_ms"], row["tags"], row["note"]) == (
        *("deploy", "prod", 42, [1, 2], "a=b"),
    )
    assert proof(log).is_intact


def feed(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_rows_are_appended_from_standard_input_and_what_is_none_is_named(run, tmp_path, monkeypatch):
    feed(monkeypatch, b'{"event":"one"}\n\n{"event":\n{"event":"two"}\n{"no":1}\n{"event":"x","seq":1}\n')
    code, _, err = run("append", tmp_path / "audit.jsonl")
    assert code == 1
    assert [line.split(":")[1][:7] for line in err.splitlines()] == [" line 3", " line 5", " line 6"]
    assert [row["event"] for row in rows_of(tmp_path / "audit.jsonl")] == ["one", "two"]


def test_a_terminal_is_not_waited_for(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    code, _, err = run("append", tmp_path / "audit.jsonl")
    assert code == 2
    assert "no EVENT is given, and standard input is a terminal" in err


def test_a_member_of_the_trail_is_refused(run, tmp_path):
    code, _, err = run("append", tmp_path / "audit.jsonl", "x", "seq=1")
    assert code == 2
    assert "the trail writes these members itself" in err


# -- export ------------------------------------------------------------------------------------


def test_spans_go_to_standard_output_and_the_summary_does_not(run, log):
    code, out, err = run("export", log)
    assert code == 0
    assert "resourceSpans" in json.loads(out)
    assert err == "kairos audit: 9 rows read\n"
    assert run("export", log, "-q")[1:] == (out, "")
    assert json.loads(run("export", log, "--json")[2])["rows"] == 9


def test_spans_go_to_a_file(run, log, tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert run("export", log, "-o", tmp_path / "spans.jsonl")[0] == 0
    assert "resourceSpans" in json.loads((tmp_path / "spans.jsonl").read_text())


def test_a_receiver_that_is_not_there_is_no_delivery(run, log, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    code, out, err = run("export", log, "--retry-for", "0")
    assert (code, out) == (1, "")
    assert "0 delivered" in err


# -- the three ways ----------------------------------------------------------------------------


def test_kairos_audit_hands_everything_on(log):
    runner = CliRunner()
    done = runner.invoke(app, ["audit", "verify", str(log), "--json"])
    assert (done.exit_code, json.loads(done.output)["intact"]) == (0, True)
    assert "examples:" in runner.invoke(app, ["audit", "verify", "--help"]).output
    assert "COMMAND" in runner.invoke(app, ["audit", "--help"]).output
    assert runner.invoke(app, ["audit", "verfy"]).exit_code == 2
    assert "audit" in runner.invoke(app, ["--help"]).output


def test_the_module_runs(log):
    command = [sys.executable, "-m", "telemetry.audit", "verify", str(log)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_goes_away_is_no_crash(tmp_path):
    log = write(tmp_path / "audit.jsonl", 3000)[0]
    command = [sys.executable, "-m", "telemetry.audit", "export", str(log), "--batch", "10"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 1
    assert "Traceback" not in err


# -- one file on a bare Python -----------------------------------------------------------------


@pytest.fixture(scope="module")
def pyz(tmp_path_factory):
    target = tmp_path_factory.mktemp("dist") / "kairos-audit.pyz"
    build(target)
    return target


def pythons():
    versions = Path("~/.pyenv/versions").expanduser()
    others = [path / "bin" / "python3" for path in sorted(versions.glob("3.1[1-9].*"))]
    return [sys.executable, *(str(path) for path in others if path.exists())]


def bare(python, pyz, folder, *arguments, text="", **environment):
    return subprocess.run(
        [python, "-I", "-S", str(pyz), *map(str, arguments)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


ZONES = ["UTC", "Asia/Tokyo", "America/St_Johns", "Pacific/Apia", "nonsense"]


@pytest.mark.parametrize(
    ("python", "zone"),
    [*((sys.executable, zone) for zone in ZONES), *((python, ZONES[1]) for python in pythons()[1:])],
)
def test_the_seeds_smoke_test(pyz, tmp_path, python, zone):
    done = bare(python, pyz, tmp_path, "export", "/dev/stdin", text=ROW, TZ=zone)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    span = json.loads(done.stdout)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    attributes = {pair["key"]: next(iter(pair["value"].values())) for pair in span["attributes"]}
    assert (len(span["traceId"]), len(span["spanId"])) == (32, 16)
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == (
        "1776262980000000000",
        "1776262980042000000",
    )
    assert (attributes["tool.name"], attributes["policy.outcome"]) == ("Write", "allowed")


@pytest.mark.parametrize("python", pythons())
def test_everything_works_on_a_bare_python(pyz, tmp_path, python):
    key = {"KAIROS_AUDIT_KEY": SECRET}
    assert bare(python, pyz, tmp_path, "append", "a.jsonl", "x", "tool=Bash", **key).returncode == 0
    assert bare(python, pyz, tmp_path, "append", "a.jsonl", text='{"event":"y"}\n', **key).returncode == 0
    done = bare(python, pyz, tmp_path, "verify", "a.jsonl", "--json", **key)
    assert json.loads(done.stdout)["rows"] == 2
    assert bare(python, pyz, tmp_path, "report", "a.jsonl", **key).returncode == 0
    assert "<h2>Intact</h2>" in (tmp_path / "a.jsonl.html").read_text()
    assert bare(python, pyz, tmp_path, "export", "a.jsonl", **key).stdout.count("spanId") == 2


def test_the_same_sources_give_the_same_file(pyz, tmp_path):
    again = tmp_path / "deep" / "again.pyz"
    build(again)
    assert again.read_bytes() == pyz.read_bytes()
    assert os.access(again, os.X_OK)


def test_an_old_python_is_told_what_is_needed(pyz, tmp_path):
    old = next(iter(sorted(Path("~/.pyenv/versions").expanduser().glob("3.[6-9].*/bin/python3"))), None)
    if old is None:
        pytest.skip("no Python before 3.11 on this machine")
    done = bare(str(old), pyz, tmp_path, "verify", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "kairos-audit needs Python 3.11 or newer; this is Python 3." in done.stderr


# -- what it stands on -------------------------------------------------------------------------


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module


def test_the_audit_trail_imports_the_standard_library_and_itself_only():
    modules = sorted((ROOT / "telemetry" / "audit").rglob("*.py"))
    assert len(modules) > 40
    others = {
        (path.name, name)
        for path in modules
        for name in imports_of(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("telemetry.audit")
    }
    assert others == set()


def test_a_command_loads_only_what_it_needs(log):
    code = (
        "import sys, json; from telemetry.audit.cli import main; main(['verify', sys.argv[1]]);"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, str(log)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    parts = {name.split(".")[2] for name in loaded if name.startswith("telemetry.audit.")}
    assert "proving" in parts
    assert not {"writing", "exporting", "reporting"} & parts
    assert not {"ssl", "http", "http.client", "urllib.request", "socket", "asyncio", "logging"} & set(loaded)
    assert {name.split(".")[0] for name in loaded} & {"opentelemetry", "pydantic", "typer"} == set()


def test_hydras_rule_is_that_of_the_issue():
    assert hydra_hash({"b": 1, "a": 2}, "k") == hydra_hash({"a": 2, "b": 1}, "k")
