# SPDX-License-Identifier: Apache-2.0
"""Rows are delivered when the receiver said so: checked against real servers that answer in every way."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from support.audit_exports import delivered, export
from support.audit_trails import KEYS, write
from support.faulty_otlp import Authority, closed_port, silent_server
from support.json_receiver import Answer, json_receiver
from support.rotel import Rotel
from support.waiting import wait_for

from telemetry.audit import AuditError, AuditTrail
from telemetry.audit.exporting.checkpoint import Checkpoint
from telemetry.audit.exporting.endpoint import resolve
from telemetry.audit.exporting.options import DeliveryOptions, ExportOptions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    write(path, 20)
    return path


def ids_of(log: Path) -> list[str]:
    return [span["spanId"] for span in export(log).spans]


def add(log: Path, *numbers: int) -> None:
    with log.open("a") as file:
        file.writelines(json.dumps({"event": "e", "n": number}) + "\n" for number in numbers)


def test_rows_arrive_once_and_a_second_run_sends_nothing(log: Path) -> None:
    with json_receiver() as receiver:
        first = delivered(log, endpoint=receiver.endpoint)
        second = delivered(log, endpoint=receiver.endpoint)
    assert receiver.ids == ids_of(log)
    assert (first.summary.delivered, second.summary.delivered, len(receiver.requests)) == (20, 0, 1)
    assert first.summary.as_text(is_delivery=True) == "20 rows read, 20 delivered"
    assert first.summary.as_json()["delivered"] == 20
    assert receiver.requests[0].path == "/v1/traces"


def test_what_was_appended_since_is_sent_and_nothing_else(log: Path) -> None:
    with json_receiver() as receiver:
        delivered(log, endpoint=receiver.endpoint)
        write_more(log)
        assert delivered(log, endpoint=receiver.endpoint).summary.delivered == 5
        assert receiver.ids == ids_of(log)


def write_more(log: Path) -> None:
    with AuditTrail(log, key=KEYS, fsync="off") as trail:
        for number in range(5):
            if number == 2:
                trail.rotate()
            trail.append("late", n=number)


def test_batches_are_as_large_as_wanted(log: Path) -> None:
    with json_receiver() as receiver:
        delivered(log, endpoint=receiver.endpoint, spans=ExportOptions(batch=8))
    assert [len(got.spans) for got in receiver.requests] == [8, 8, 4]


def test_requests_are_compressed_json_over_one_connection(log: Path) -> None:
    with json_receiver() as receiver:
        delivered(log, endpoint=receiver.endpoint, spans=ExportOptions(batch=5))
    assert {got.headers["content-type"] for got in receiver.requests} == {"application/json"}
    assert {got.headers["content-encoding"] for got in receiver.requests} == {"gzip"}
    assert len({got.client for got in receiver.requests}) == 1


def test_compression_can_be_turned_off(log: Path) -> None:
    with json_receiver() as receiver:
        delivered(log, endpoint=receiver.endpoint, compression="none")
    assert "content-encoding" not in receiver.requests[0].headers
    assert json.loads(receiver.requests[0].wire)["resourceSpans"]


def test_the_same_rows_are_the_same_bytes_in_every_attempt_and_every_run(log: Path, tmp_path: Path) -> None:
    with json_receiver(Answer(503), Answer(cut=True)) as receiver:
        delivered(log, endpoint=receiver.endpoint)
        delivered(log, endpoint=receiver.endpoint, checkpoint=tmp_path / "other.json")
    assert len({got.wire for got in receiver.requests}) == 1
    assert len(receiver.requests) == 4
    assert gzip.decompress(receiver.requests[0].wire) + b"\n" == export(log).output


def test_headers_come_from_the_environment_and_options(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20abc,x-team=a")
    with json_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint + "/base/")
        delivered(log, headers={"X-Team": "b"})
    (got,) = receiver.requests
    assert (got.path, got.headers["authorization"], got.headers["x-team"]) == (
        "/base/v1/traces",
        "Bearer abc",
        "b",
    )


def test_a_connection_that_the_receiver_closed_meanwhile_is_opened_anew(log: Path) -> None:
    with json_receiver(Answer(headers={"Connection": "close"}), Answer(), Answer(cut=True)) as receiver:
        run = delivered(log, endpoint=receiver.endpoint, spans=ExportOptions(batch=5))
    assert run.summary.delivered == 20
    assert set(receiver.ids) == set(ids_of(log))
    assert run.said == []  # also the third: a kept connection that breaks says nothing about the request


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_can_pass_is_tried_again(log: Path, status: int) -> None:
    with json_receiver(Answer(status)) as receiver:
        run = delivered(log, endpoint=receiver.endpoint)
    assert run.summary.delivered == 20
    assert (run.summary.requests, run.summary.exit_code) == (2, 0)
    assert f"/v1/traces answered {status}" in run.said[0]
    assert run.said[0].endswith("trying again")
    assert run.said[1].endswith("answers again")


@pytest.mark.parametrize("value", ["1", "date"])
def test_retry_after_is_obeyed(log: Path, value: str) -> None:
    text = formatdate(time.time() + 2, usegmt=True) if value == "date" else value
    with json_receiver(Answer(429, headers={"Retry-After": text})) as receiver:
        began = time.monotonic()
        delivered(log, endpoint=receiver.endpoint)
    assert time.monotonic() - began >= 0.99


def test_a_retry_after_that_says_nothing_is_passed_over(log: Path) -> None:
    with json_receiver(Answer(503, headers={"Retry-After": "soon"})) as receiver:
        assert delivered(log, endpoint=receiver.endpoint).summary.delivered == 20


def test_spans_that_the_receiver_drops_are_counted_and_named(log: Path) -> None:
    body = json.dumps({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}).encode()
    with json_receiver(Answer(body=body)) as receiver:
        run = delivered(log, endpoint=receiver.endpoint)
        assert delivered(log, endpoint=receiver.endpoint).summary.requests == 0
    assert (run.summary.delivered, run.summary.rejected, run.summary.exit_code) == (17, 3, 1)
    assert "took 17 of 20 spans: too old" in run.said[0]
    assert run.summary.as_text(is_delivery=True) == "20 rows read, 17 delivered, 3 rejected by the receiver"


@pytest.mark.parametrize(
    "partial",
    [
        {"rejectedSpans": 99},
        {"rejectedSpans": -5},
        {"rejectedSpans": "x"},
        {"rejectedSpans": []},
        None,
        5,
        {"errorMessage": "hm"},
    ],
)
def test_an_odd_partial_success_counts_nothing_twice(log: Path, partial: Any) -> None:
    with json_receiver(Answer(body=json.dumps({"partialSuccess": partial}).encode())) as receiver:
        summary = delivered(log, endpoint=receiver.endpoint).summary
    assert summary.delivered + summary.rejected == 20
    assert summary.rejected == (20 if partial == {"rejectedSpans": 99} else 0)


def test_a_refused_batch_ends_the_export_and_is_sent_by_the_next_run(log: Path) -> None:
    with json_receiver(Answer(400, b'{"message": "bad span"}')) as receiver:
        run = delivered(log, endpoint=receiver.endpoint)
        assert (run.summary.delivered, run.summary.exit_code) == (0, 1)
        assert (
            "answered 400 Bad Request: bad span: 20 spans are not delivered, the next run goes on"
            in run.summary.problem
        )
        assert "use --skip-refused" in run.summary.problem
        assert delivered(log, endpoint=receiver.endpoint).summary.delivered == 20


def test_a_refused_batch_can_be_kept_in_a_file(log: Path) -> None:
    with json_receiver(Answer(400)) as receiver:
        run = delivered(log, endpoint=receiver.endpoint, skip_refused=True, spans=ExportOptions(batch=12))
    kept = log.with_name("audit.jsonl.export.json.refused.jsonl")
    assert (run.summary.delivered, run.summary.refused, run.summary.exit_code) == (8, 12, 1)
    assert kept.read_bytes() + b"" == export(log, batch=12).output.splitlines(keepends=True)[0]
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(401), "answered 401 Unauthorized"),
        (Answer(404, b"no such page"), "answered 404 Not Found: no such page"),
        (Answer(302, headers={"Location": "http://elsewhere"}), "answered 302 Found"),
        (
            Answer(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
            "is no OTLP, so nobody has taken the spans",
        ),
    ],
)
def test_whoever_is_no_receiver_has_taken_nothing(log: Path, answer: Answer, reason: str) -> None:
    with json_receiver(answer) as receiver:
        run = delivered(log, endpoint=receiver.endpoint, skip_refused=True)
        assert (run.summary.delivered, run.summary.refused, run.summary.exit_code) == (0, 0, 1)
        assert reason in run.summary.problem
        assert delivered(log, endpoint=receiver.endpoint).summary.delivered == 20


@pytest.mark.parametrize(
    "answer", [Answer(body=b""), Answer(body=b"\n\x00", headers={"Content-Type": "application/x-protobuf"})]
)
def test_an_empty_or_binary_confirmation_is_one(log: Path, answer: Answer) -> None:
    with json_receiver(answer) as receiver:
        assert delivered(log, endpoint=receiver.endpoint).summary.delivered == 20


def test_what_a_receiver_says_is_shown_short_printable_and_without_credentials(log: Path) -> None:
    text = "\x1b[31m bad key sk-ant-" + "a1" * 20 + " " + "x" * 5000
    with json_receiver(Answer(403, text.encode())) as receiver:
        problem = delivered(log, endpoint=receiver.endpoint).summary.problem
    assert "sk-ant-***" in problem
    assert "\x1b" not in problem
    assert len(problem) < 500


def test_no_receiver_for_too_long_is_a_problem_and_nothing_is_lost(log: Path) -> None:
    port = closed_port()
    run = delivered(log, endpoint=f"http://127.0.0.1:{port}", retry_for_s=0.3)
    assert (run.summary.delivered, run.summary.exit_code) == (0, 1)
    assert (
        "cannot be reached: [Errno 111] Connection refused: 20 spans are not delivered" in run.summary.problem
    )
    with json_receiver(port=port) as receiver:
        assert delivered(log, endpoint=receiver.endpoint).summary.delivered == 20


def test_a_receiver_that_says_nothing_is_not_waited_for_forever(log: Path) -> None:
    with silent_server() as port:
        run = delivered(log, endpoint=f"http://127.0.0.1:{port}", timeout_s=0.2, retry_for_s=0.1)
    assert "did not answer within 0.2 s" in run.summary.problem


def test_a_receiver_that_comes_back_gets_everything(log: Path) -> None:
    port, runs = closed_port(), []
    thread = threading.Thread(target=lambda: runs.append(delivered(log, endpoint=f"http://127.0.0.1:{port}")))
    thread.start()
    time.sleep(0.2)  # so that the first attempt meets nobody; if it meets somebody, the rest holds, too
    with json_receiver(port=port) as receiver:
        thread.join(20)
    assert receiver.ids == ids_of(log)
    assert runs[0].summary.delivered == 20


def test_the_certificate_of_a_receiver_must_be_trusted(log: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with json_receiver(context=context) as receiver:
        endpoint = receiver.endpoint.replace("http", "https")
        run = delivered(log, endpoint=endpoint)
        assert "has a certificate that is not trusted" in run.summary.problem
        assert receiver.requests == []
        assert delivered(log, endpoint=endpoint, ca_file=authority.file).summary.delivered == 20
    with pytest.raises(AuditError, match=r"cannot be read: .*; allowed: a PEM file"):
        delivered(log, endpoint=endpoint, ca_file=tmp_path / "none.pem")


# -- checkpoints ---------------------------------------------------------------------------


def test_two_exports_do_not_share_a_checkpoint(log: Path) -> None:
    with (
        Checkpoint(log.with_name("audit.jsonl.export.json")),
        pytest.raises(AuditError, match="another export uses"),
    ):
        delivered(log, endpoint="http://127.0.0.1:1")


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"version": 2}', '{"version": 1, "position": {"x": 1}, "carried": {}, "proof": null}'],
)
def test_a_damaged_checkpoint_is_no_reason_to_send_everything_again(log: Path, text: str) -> None:
    log.with_name("audit.jsonl.export.json").write_text(text)
    with pytest.raises(
        AuditError, match=r"cannot be read .*; nothing is sent, because everything would be sent again"
    ):
        delivered(log, endpoint="http://127.0.0.1:1")


def test_a_checkpoint_that_cannot_be_written_is_said(log: Path, tmp_path: Path) -> None:
    with pytest.raises(
        AuditError, match="cannot be used: No such file or directory; allowed: a file in an existing"
    ):
        delivered(log, endpoint="http://127.0.0.1:1", checkpoint=tmp_path / "none" / "x.json")


def test_one_checkpoint_is_for_one_log(log: Path, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="one checkpoint is for one log"):
        delivered(log, tmp_path / "b", endpoint="http://127.0.0.1:1", checkpoint=tmp_path / "x.json")


def test_several_logs_have_a_checkpoint_each(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    add(other, 1, 2)
    with json_receiver() as receiver:
        assert delivered(log, other, endpoint=receiver.endpoint).summary.delivered == 22
        add(other, 3)
        assert delivered(log, other, endpoint=receiver.endpoint).summary.delivered == 1


def test_verification_and_traces_go_on_over_a_restart(log: Path) -> None:
    options = ExportOptions(key_ring=KEYS, batch=7)
    with json_receiver(Answer(), Answer(400)) as receiver:
        delivered(log, endpoint=receiver.endpoint, spans=options)
        delivered(log, endpoint=receiver.endpoint, spans=options)
    sent = [span for got in receiver.taken for span in got.spans]
    assert sent == export(log, key_ring=KEYS).spans


def test_malformed_rows_at_the_end_are_not_reported_by_every_run(log: Path) -> None:
    with log.open("a") as file:
        file.write("nonsense\n")
    with json_receiver() as receiver:
        assert delivered(log, endpoint=receiver.endpoint).summary.malformed == 1
        assert delivered(log, endpoint=receiver.endpoint).summary.malformed == 0


def test_a_row_that_got_its_newline_later_is_sent_once(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text('{"event":"a"}\n{"event":"b"}')
    with json_receiver() as receiver:
        assert delivered(log, endpoint=receiver.endpoint).summary.delivered == 2
        with log.open("a") as file:
            file.write('\n{"event":"c"}\n{"eve')
        run = delivered(log, endpoint=receiver.endpoint)
        assert run.summary.delivered == 1
        assert run.said == ["audit.jsonl:4: is not complete yet"]
        with log.open("a") as file:
            file.write('nt":"d"}\n')
        assert delivered(log, endpoint=receiver.endpoint).summary.delivered == 1
    assert len(set(receiver.ids)) == len(receiver.ids) == 4


def test_a_truncated_log_is_a_finding_and_goes_on(log: Path) -> None:
    with json_receiver() as receiver:
        delivered(log, endpoint=receiver.endpoint)
        log.write_text('{"event":"new"}\n')
        run = delivered(log, endpoint=receiver.endpoint)
    assert run.summary.delivered == 1
    assert "was truncated or rewritten" in run.summary.findings[0]
    assert "1 finding" in run.summary.as_text(is_delivery=True)


def test_a_log_that_was_never_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="there is no audit log"):
        delivered(tmp_path / "gone.jsonl", endpoint="http://127.0.0.1:1")


# -- settings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "environ", "message"),
    [
        ({}, {}, "there is no endpoint; give --endpoint URL or set OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"endpoint": "localhost:4318"}, {}, "allowed: http://host:4318 or https://host"),
        ({"endpoint": "http://h:99999"}, {}, "is no URL .*allowed: http://host:4318"),
        ({"endpoint": "http://me:pw@h"}, {}, "the URL has a user or a password in it; give them in a header"),
        ({"endpoint": "http://h", "headers": {"a": "b\r\nc: d"}}, {}, "the header 'a' cannot be sent"),
        ({"endpoint": "http://h", "timeout_s": 0}, {}, "the timeout 0 is not possible; allowed: more than 0"),
        ({"endpoint": "http://h"}, {"OTEL_EXPORTER_OTLP_TIMEOUT": "x"}, "the timeout 'x' is not possible"),
        (
            {"endpoint": "http://h"},
            {"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"},
            "compression='zstd' is not known; allowed: 'gzip', 'none'",
        ),
    ],
)
def test_wrong_settings_are_explained(options: dict[str, Any], environ: dict[str, str], message: str) -> None:
    with pytest.raises(AuditError, match=message):
        resolve(DeliveryOptions(**options), environ)


def test_the_standard_variables_are_understood() -> None:
    general = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://[::1]/a/",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=b",
    }
    found = resolve(DeliveryOptions(), general)
    assert (str(found), found.timeout_s, found.is_gzip, found.ca_file) == (
        "https://[::1]:443/a/v1/traces",
        2.5,
        False,
        "/ca.pem",
    )
    own = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://h:1/own?key=x",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "c=d",
    }
    found = resolve(DeliveryOptions(), {**general, **own})
    assert (found.path, found.headers, str(found)) == ("/own?key=x", {"c": "d"}, "http://h:1/own")
    assert resolve(DeliveryOptions(endpoint="http://h/v1/traces"), {}).path == "/v1/traces"
    assert resolve(DeliveryOptions(endpoint="http://h"), {}).port == 80


def test_a_pipe_is_delivered_without_a_checkpoint(tmp_path: Path) -> None:
    import os

    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_text('{"event":"a"}\n{"event":"b"}\n'))
    writer.start()
    with json_receiver(Answer(400)) as receiver:
        run = delivered(fifo, endpoint=receiver.endpoint, skip_refused=True)
        assert "came through a pipe and are lost" in run.summary.problem
    writer.join()
    with pytest.raises(AuditError, match="is a pipe, and a pipe can be delivered only alone"):
        delivered(fifo, tmp_path / "x", endpoint=receiver.endpoint)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe"]


def test_rotel_takes_what_is_sent(log: Path) -> None:
    with Rotel() as receiver:
        endpoint = f"http://127.0.0.1:{receiver.http_port}"
        run = delivered(log, endpoint=endpoint)
        got = receiver.wait_for(lambda got: len(got.spans) >= 20)
    expected = export(log).spans
    assert run.summary.delivered == 20
    assert [(span.trace_id, span.span_id, span.name) for span in got.spans] == [
        (span["traceId"], span["spanId"], span["name"]) for span in expected
    ]
    assert got.spans[0].attributes["tool.name"] == "Write"
    assert got.spans[0].attributes["audit.seq"] == "1"
    wait_for(lambda: got.spans[0].resource["service.name"] == "audit")
