# SPDX-License-Identifier: Apache-2.0
"""Logs become OTLP/JSON documents on a stream: in order, repeatable, whatever stands in them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.audit_exports import export, value_of
from support.audit_spans import naive_spans
from support.audit_trails import KEYS, Clock, rows_of, write, write_hydra

from telemetry.audit import AuditError, AuditTrail, KeyRing
from telemetry.audit.chain import link
from telemetry.audit.exporting.export import export_to
from telemetry.audit.exporting.options import ExportOptions
from telemetry.audit.lines import MAX_LINE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

SMOKE = (
    '{"event":"tool_use","ts":"2026-04-15T14:23:00Z","tool":"Write","duration_ms":42,"bytes_in":120,'
    '"bytes_out":0,"prev_hash":"GENESIS","policy_outcome":"allowed"}'
)
PROGRAM = (
    "import sys; from telemetry.audit.exporting.export import export_to; "
    "from telemetry.audit.exporting.options import ExportOptions; "
    "sys.exit(export_to(sys.stdout.buffer, ['/dev/stdin'], ExportOptions()).exit_code)"
)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_seeds_smoke_test_prints_one_document_under_any_time_zone(zone: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=SMOKE + "\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TZ": zone},
    )
    (line,) = done.stdout.splitlines()
    (span,) = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (len(span["traceId"]), len(span["spanId"])) == (32, 16)
    assert value_of(span, "tool.name") == "Write"
    assert value_of(span, "policy.outcome") == "allowed"
    assert span["startTimeUnixNano"] == "1776262980000000000"
    assert done.stderr == ""


def test_a_document_is_as_dictionaries_and_json_give_it(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write(log, 30)
    (document,) = export(log).documents
    assert document == {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "audit"}}]},
                "scopeSpans": [
                    {"scope": {"name": "kairos.audit"}, "spans": naive_spans(log.read_bytes().splitlines())}
                ],
            }
        ]
    }


def test_an_export_repeated_gives_the_same_bytes(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write(log, 700, files=3)
    assert export(log).output == export(log).output != b""


def test_all_files_of_a_trail_are_read_in_their_order(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    files = write(log, 50, files=4)
    run = export(log)
    assert len(files) == 4
    assert run.values("audit.seq") == [str(n) for n in range(1, 51)]
    assert run.summary.as_text(is_delivery=False) == "50 rows read"


def test_files_named_twice_are_read_once(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    files = write(log, 20, files=3)
    assert export(*files, log).output == export(log).output


def test_a_closed_file_alone_has_the_traces_of_its_trail(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    files = write(log, 20, files=2)
    both, first, second = (export(each).spans for each in (log, files[0], files[1]))
    assert first == both[:10]
    assert second == both  # the live file's name means the whole trail
    files = write(tmp_path / "other.jsonl", 30, files=3)
    assert export(files[1]).spans == export(files[2]).spans[10:20]


def test_documents_hold_up_to_a_batch_of_spans(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write(log, 10)
    assert [len(d["resourceSpans"][0]["scopeSpans"][0]["spans"]) for d in export(log, batch=4).documents] == [
        4,
        4,
        2,
    ]


def test_documents_stay_below_what_readers_of_lines_take(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text(
        "".join(json.dumps({"event": "e", "n": n, "text": "x" * 15_000}) + "\n" for n in range(200))
    )
    lines = export(log).output.splitlines()
    assert max(map(len, lines)) < 1024 * 1024
    assert 2 < len(lines) < 20


def test_malformed_rows_are_named_counted_and_stop_nothing(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_bytes(SMOKE.encode() + b"\nnonsense\n\n[1]\n\xff\n" + SMOKE.encode() + b"\n")
    run = export(log)
    assert len(run.spans) == run.summary.rows == 2
    assert run.summary.malformed == 3
    assert [each.split(" ")[0] for each in run.said] == ["audit.jsonl:2:", "audit.jsonl:4:", "audit.jsonl:5:"]
    assert "is no JSON: Expecting value" in run.said[0]
    assert run.summary.exit_code == 0
    assert run.summary.as_text(is_delivery=False) == "2 rows read, 3 malformed"


def test_of_many_malformed_rows_the_first_are_named(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_bytes(b"nonsense\n" * 1000)
    run = export(log)
    assert run.summary.malformed == 1000
    assert len(run.said) == 21
    assert run.said[-1] == "further malformed rows are counted and no longer named"


def test_a_line_of_many_megabytes_is_no_row_and_the_next_one_is(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_bytes(b'{"a":"' + b"x" * (MAX_LINE_BYTES + 5) + b'"}\n' + SMOKE.encode() + b"\n")
    run = export(log)
    assert len(run.spans) == 1
    assert run.said == [f"audit.jsonl:1: is longer than {MAX_LINE_BYTES} bytes, so it is no row"]


def test_a_row_longer_than_a_block_is_read(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_bytes(
        (SMOKE + "\n" + json.dumps({"event": "long", "x": "y" * 700_000}) + "\n" + SMOKE + "\n").encode()
    )
    assert [span["name"] for span in export(log).spans] == ["tool_use Write", "long", "tool_use Write"]


def test_a_last_row_without_a_newline_is_read_and_half_a_row_is_named(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text(SMOKE)
    assert len(export(log).spans) == 1
    log.write_text(SMOKE + "\n" + SMOKE[:50])
    run = export(log)
    assert len(run.spans) == 1
    assert run.said == ["audit.jsonl:2: is not complete yet"]


def test_a_log_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        AuditError, match=r"there is no audit log '.*gone.jsonl'; to wait for it, use --follow"
    ):
        export(tmp_path / "gone.jsonl")
    with pytest.raises(AuditError, match="no audit log is named; name at least one"):
        export()
    with pytest.raises(AuditError, match="is a directory; name the log file in it"):
        export(tmp_path)
    with pytest.raises(AuditError, match="batch=0 is not possible; allowed: 1 or more spans"):
        export(tmp_path / "x", batch=0)
    with pytest.raises(AuditError, match="ts='middle' is not known; allowed: 'start', 'end'"):
        export(tmp_path / "x", ts="middle")


def test_an_empty_log_gives_nothing(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.touch()
    assert export(log).output == b""


def test_a_reader_that_goes_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text((SMOKE + "\n") * 2000)
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb", buffering=0) as stream:  # noqa: PTH123  # a descriptor
        summary = export_to(stream, [log], ExportOptions())
    assert summary.problem == "the reader of the output has gone before its end"
    assert summary.exit_code == 1


def test_the_resource_is_named_by_options_and_the_standard_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text(SMOKE + "\n")

    def resource(**options: Any) -> dict[str, str]:
        given = export(log, **options).documents[0]["resourceSpans"][0]["resource"]["attributes"]
        return {each["key"]: each["value"]["stringValue"] for each in given}

    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment=x%20y,bad")
    assert resource() == {"service.name": "a", "deployment.environment": "x y"}
    monkeypatch.setenv("OTEL_SERVICE_NAME", "b")
    assert resource()["service.name"] == "b"
    assert resource(service_name="c", resource={"k": "v"}) == {
        "service.name": "c",
        "deployment.environment": "x y",
        "k": "v",
    }


# -- verified while it passes --------------------------------------------------------------


def test_with_a_key_every_row_says_that_it_is_proven(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write(log, 40, files=3)
    run = export(log, key_ring=KEYS)
    assert run.values("audit.verified") == [True] * 40
    assert run.said == []
    assert export(log).values("audit.verified") == [None] * 40


def test_a_changed_row_says_that_it_is_not(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write(log, 5)
    lines = log.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"Write"', b'"Erase"')
    log.write_bytes(b"".join(lines))
    run = export(log, key_ring=KEYS)
    assert run.values("audit.verified") == [True, True, False, True, True]
    assert run.said == ["audit.jsonl:3: was changed: its hmac does not fit"]
    assert run.summary.unverified == 1


@pytest.mark.parametrize(
    ("change", "claims", "said"),
    [
        (
            lambda rows: rows[:2] + rows[3:],
            [True, True, False, True],
            "3: is row 4 of the trail where row 3 belongs",
        ),
        (
            lambda rows: [*rows[:2], b'{"event":"x"}\n', *rows[2:]],
            [True, True, False, True, True, True],
            "3: is not signed",
        ),
        (lambda rows: [*rows[:2], b"noise\n", *rows[2:]], [True] * 5, "3: is no JSON"),
    ],
)
def test_a_broken_chain_is_named(tmp_path: Path, change: Any, claims: list[bool], said: str) -> None:
    log = tmp_path / "audit.jsonl"
    write(log, 5)
    log.write_bytes(b"".join(change(log.read_bytes().splitlines(keepends=True))))
    run = export(log, key_ring=KEYS)
    assert run.values("audit.verified") == claims
    assert said in run.said[0]


def test_rows_of_another_key_are_not_proven(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write(log, 2)
    run = export(log, key_ring=KeyRing.of("another"))
    assert run.values("audit.verified") == [False, False]
    assert "was signed with key" in run.said[0]


def test_hydras_rows_are_proven_against_the_row_before_and_foreign_rows_claim_nothing(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write_hydra(log, 4, foreign_after=(2,))
    assert export(log, key_ring=KEYS).values("audit.verified") == [True, True, None, True, True]
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join([lines[0], lines[1].replace("2", "3"), *lines[2:]]))
    run = export(log, key_ring=KEYS)
    assert run.values("audit.verified") == [True, True, None, False, True]
    assert run.said == ["audit.jsonl:4: does not fit the row before it, which was changed, removed or moved"]
    log.write_text("".join(lines[1:]))
    assert export(log, key_ring=KEYS).values("audit.verified") == [None, None, True, True]


def test_rows_that_cannot_be_proven_at_all_say_so(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    signed = link({"event": "e"}, "GENESIS", 1, KEYS.signing)
    seqless = link({"event": "e"}, "GENESIS", "one", KEYS.signing)  # type: ignore[arg-type]  # a wrong one is what this is about
    moved = link({"event": "e"}, "another", 2, KEYS.signing)
    for rows, said in (
        ([b'{"event":"e","x":NaN}'], "has no canonical text"),
        ([seqless], "is signed, but no row of a trail"),
        ([signed, moved], "does not fit the row before it: its prev_hash is another row's"),
    ):
        log.write_bytes(b"\n".join(rows) + b"\n")
        run = export(log, key_ring=KEYS)
        assert run.values("audit.verified")[-1] is False
        assert run.said[-1].endswith(said)


def test_of_many_rows_that_cannot_be_proven_the_first_are_named(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write(log, 100)
    run = export(log, key_ring=KeyRing.of("another"))
    assert run.summary.unverified == 100
    assert run.said[20:] == ["further rows that cannot be proven are counted and no longer named"]


# -- pipes ---------------------------------------------------------------------------------


def test_a_pipe_gives_what_is_there_when_nothing_more_comes(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    output, done = io.BytesIO(), threading.Event()

    def read() -> None:
        export_to(output, [fifo], ExportOptions())
        done.set()

    thread = threading.Thread(target=read)
    thread.start()
    with fifo.open("wb", buffering=0) as writer:
        writer.write(SMOKE.encode() + b"\n" + SMOKE.encode()[:20])
        while not output.getvalue():
            assert not done.wait(0.01)
        writer.write(SMOKE.encode()[20:])
    thread.join(10)
    assert [
        len(json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"])
        for line in output.getvalue().splitlines()
    ] == [1, 1]


def test_a_pipe_has_long_lines_and_lines_that_are_too_long(tmp_path: Path) -> None:
    long = json.dumps({"event": "long", "x": "y" * 700_000})
    text = "\n".join([SMOKE, long, "z" * (MAX_LINE_BYTES + 10), SMOKE, "z" * (MAX_LINE_BYTES + 10)])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=text.encode(), capture_output=True, check=True
    )
    names = [
        span["name"]
        for line in done.stdout.splitlines()
        for span in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    ]
    assert names == ["tool_use Write", "long", "tool_use Write"]
    assert done.stderr.decode().count("so it is no row") == 2


def test_a_pipe_can_be_followed_but_only_alone(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_text(SMOKE + "\n"))
    writer.start()
    output = io.BytesIO()
    summary = export_to(output, [fifo], ExportOptions(), follow=True)
    writer.join()
    assert summary.rows == 1
    with pytest.raises(AuditError, match="is a pipe, and a pipe can be followed only alone"):
        export_to(output, [fifo, tmp_path / "x"], ExportOptions(), follow=True)


def test_an_output_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text((SMOKE + "\n") * 20)
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with os.fdopen(descriptor, "wb", buffering=0) as full, pytest.raises(AuditError, match="No space left"):
        export_to(full, [log], ExportOptions())


def test_rows_with_one_session_over_rotated_files_are_one_trace(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    with AuditTrail(log, key="k", now_ns=Clock(), fsync="off") as trail:
        for number in range(9):
            if number % 3 == 0:
                trail.rotate()
            trail.append("tool_use", tool="Read", session_id="s")
    assert len({span["traceId"] for span in export(log).spans}) == 1
    assert len(rows_of(log)) == 3
