# SPDX-License-Identifier: Apache-2.0
"""Spans made of text are the spans that dictionaries and `json` give, for any row."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.audit_spans import naive_spans

from telemetry.audit.exporting.attributes import may_hold_secret
from telemetry.audit.exporting.batches import Batches
from telemetry.audit.exporting.options import ExportOptions
from telemetry.audit.exporting.quick_spans import QuickSpanTexts
from telemetry.audit.exporting.spans import MAX_SPAN, SpanTexts
from telemetry.audit.exporting.summary import Summary
from telemetry.audit.lines import read_row
from telemetry.audit.masking import mask_row, mask_text
from telemetry.audit.reading.log_files import Chunk

SEED = {
    "event": "tool_use",
    "ts": "2026-04-15T14:23:00Z",
    "tool": "Write",
    "duration_ms": 42,
    "bytes_in": 120,
    "bytes_out": 0,
    "prev_hash": "GENESIS",
    "policy_outcome": "allowed",
}
DIGEST = "k3y5t0rT0Q3h6W5m2mJ1i8qj8m0Xk2kC0vYpO0m2b7A="
SECRET = "sk-ant-" + "a1" * 20

secrets = st.sampled_from(
    [
        SECRET,
        "ghp_" + "x" * 36,
        "Bearer abcdefgh12345678",
        "https://me:hunter22@host/x",
        "password=correcthorse",
        "AKIA" + "A1" * 8,
        "xoxb-1234567890",
        "TOKEN Ab1cdefgh",
        "api-key: 'abcdef'",
        "glpat-abcdefghij",
    ]
)
times = st.one_of(
    st.datetimes().map(lambda t: t.isoformat() + "Z"),
    st.sampled_from(
        [
            "2026-04-15T14:23:00Z",
            "2026-04-15T14:23:00.123456789Z",
            "2026-04-15 14:23:00",
            "2026-04-15T14:23:00+05:30",
            "2026-04-15T14:23:01.5Z",
            "yesterday",
            "",
            "1969-12-31T23:59:59Z",
            "2262-04-11T23:47:16.9Z",
            "9999-12-31T23:59:59Z",
        ]
    ),
    st.integers(-5, 2**63),
    st.floats(),
    st.none(),
    st.booleans(),
)
words = st.sampled_from(
    ["tool_use", "Write", "agent-7", "blocked", "BLOCKED", "allowed", "100%", 'a"b', "a\\b", "Bäsh", "\n"]
)
plain = st.one_of(
    words,
    secrets,
    st.text(max_size=12),
    st.integers(-(2**70), 2**70),
    st.integers(0, 5000),
    st.floats(),
    st.booleans(),
    st.none(),
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
members = st.sampled_from(
    [
        "event",
        "tool",
        "agent_id",
        "session_id",
        "duration_ms",
        "bytes_in",
        "bytes_out",
        "dest_host",
        "policy_outcome",
        "error_type",
        "severity",
        "target",
        "verified",
        "note",
        "password",
        "api_key",
        "has %s",
        "key_id",
        "seq",
        "truncated",
    ]
)
special = st.fixed_dictionaries(
    {},
    optional={
        "ts": times,
        "prev_hash": st.sampled_from(["GENESIS", DIGEST, "", 5, "ü"]),
        "hmac": st.sampled_from([DIGEST, "short"]),
        "trace_id": st.sampled_from(["0" * 32, "ab" * 16, "AB" * 16, "xyz", 7]),
        "span_id": st.sampled_from(["0" * 16, "cd" * 8, "CD" * 8, "xyz", 7]),
    },
)
rows = st.builds(lambda some, more: {**some, **more}, st.dictionaries(members, values, max_size=8), special)
usual = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["tool_use", "policy"]),
        "ts": st.sampled_from(["2026-04-15T14:23:00Z", "2026-04-15T14:23:00.25Z", "2026-04-15T14:23:01.5Z"]),
        "duration_ms": st.integers(0, 10**14),
        "target": st.one_of(st.just("/home/x"), secrets, st.text(max_size=5)),
        "prev_hash": st.just(DIGEST),
    },
    optional={
        "session_id": st.sampled_from(["s1", "s%d", "s{}"]),
        "agent_id": st.sampled_from(["a1", "a2"]),
        "policy_outcome": st.sampled_from(["allowed", "blocked"]),
        "error_type": st.sampled_from(["ValueError", SECRET]),
        "tool": st.sampled_from(["Bash", "Bäsh", ""]),
        "trace_id": st.sampled_from(["ab" * 16, "AB" * 16]),
        "span_id": st.just("cd" * 8),
    },
)


def line_of(row: dict[str, Any], *, style: int = 0) -> bytes:
    separators = [(",", ":"), (", ", ": "), (" ,", " :")][style % 3]
    return json.dumps(row, separators=separators, ensure_ascii=style < 3, sort_keys=style == 0).encode(
        "utf-8", "surrogatepass"
    )


def spans_of(lines: list[bytes], **options: Any) -> list[dict[str, Any]]:
    """The way of an export: known shapes quickly, other rows slowly."""
    batches = Batches(ExportOptions(**options), Summary(lambda _: None))
    chunk = Chunk(lines, 0, 1, None, "log", sum(map(len, lines)) + len(lines))
    return [json.loads(span) for batch in batches.of([chunk]) for span in batch.spans]


@settings(max_examples=250, deadline=None)
@given(
    st.lists(st.tuples(rows, st.integers(0, 4)), min_size=1, max_size=6),
    st.sampled_from(["start", "end"]),
    st.booleans(),
)
@example([({"ts": "2000-01-01T00:00:00Z"}, 0), ({"ts": "1970-01-01T00:00:00Z"}, 0)], "start", False)
@example([({**SEED, "password": 1}, 0), ({**SEED, "tool": ["x"]}, 0)], "start", True)
def test_any_row_becomes_what_dictionaries_give(given_rows: list[Any], ts: str, per_row: bool) -> None:
    lines = [line_of(row, style=style) for row, style in given_rows]
    assert spans_of(lines, ts=ts, trace_per_row=per_row) == naive_spans(lines, ts=ts, trace_per_row=per_row)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(usual, min_size=2, max_size=12),
    st.sampled_from(["start", "end"]),
    st.booleans(),
    st.integers(0, 1),
)
def test_rows_of_known_shapes_become_what_dictionaries_give(
    given_rows: list[Any], ts: str, per_row: bool, style: int
) -> None:
    lines = [line_of(row, style=style) for row in given_rows]
    assert spans_of(lines, ts=ts, trace_per_row=per_row) == naive_spans(lines, ts=ts, trace_per_row=per_row)


def test_a_row_of_a_known_shape_is_not_parsed_and_gives_the_same_bytes() -> None:
    quick, slow = QuickSpanTexts(ExportOptions()), SpanTexts(ExportOptions())
    line = line_of({**SEED, "prev_hash": DIGEST, "seq": 3})
    assert quick.quick(line, 0) is None
    first = quick.span(line, json.loads(line), 0)
    assert quick.quick(line, 0) == first == slow.span(line, json.loads(line), 0)
    assert quick.quick(line, 0, verified=True) == slow.span(line, json.loads(line), 0, verified=True)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode), rows.map(line_of)),
    st.integers(0, 50),
    st.binary(max_size=4),
)
@example(b"[" * 100_000, 0, b"")
@example(b'{"a":' + b"[" * 100_000, 0, b"")
@example(b'{"a":' * 990 + b"1" + b"}" * 990, 0, b"")
@example(b'{"ts":' + b"9" * 5000 + b"}", 0, b"")
@example(b'{"a":NaN,"ts":-Infinity,"b":"\\ud800","\\udfff":1}', 0, b"")
@example("\ufeff{}".encode(), 0, b"")
@example('{"a":1}'.encode("utf-16"), 0, b"")
def test_no_line_raises(line: bytes, at: int, noise: bytes) -> None:
    line = (line[:at] + noise + line[at:]).replace(b"\n", b"")
    for span in spans_of([line_of(SEED), line, line]):
        json.dumps(span).encode("utf-8")
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) < 2**63


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            secrets,
            st.text(max_size=6),
            st.sampled_from(["ſk-aaaaaaaaaaa", "paſſword=aaaa", "toKen Ab1aaaaaaa"]),
        )
    ).map("".join)
)
def test_the_quick_look_never_misses_what_masking_takes_out(text: str) -> None:
    assert may_hold_secret(text) or mask_text(text) == text


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(members, secrets), min_size=1, max_size=5), st.booleans())
def test_no_secret_gets_into_a_span(given_members: list[tuple[str, str]], nested: bool) -> None:
    row = {
        **SEED,
        **{name: {"in": [value]} if nested else value for name, value in given_members},
        "password": 12345,
    }
    lines = [line_of(SEED), line_of(row), line_of(row)]
    text = json.dumps(spans_of(lines))
    assert mask_row(row) != row
    for _, secret in given_members:
        assert json.dumps(secret)[1:-1] not in text
    assert "12345" not in text


def test_a_member_that_is_named_as_a_secret_is_masked_in_every_row() -> None:
    lines = [
        line_of({**SEED, "prev_hash": DIGEST, "password": word}) for word in ("hunter22", "swordfish", "x")
    ]
    shown = [
        each["value"] for span in spans_of(lines) for each in span["attributes"] if "password" in each["key"]
    ]
    assert shown == [{"stringValue": "***"}] * 3


def test_attributes_have_the_names_of_the_seed_and_the_official_ones() -> None:
    row = {
        **SEED,
        "agent_id": "a",
        "session_id": "s",
        "dest_host": "example.com",
        "error_type": "OSError",
        "severity": "high",
        "target": "/x",
        "extra": {"b": 1, "a": [True]},
    }
    (span,) = spans_of([line_of(row)])
    shown = {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}
    assert shown == {
        "agent.id": "a",
        "gen_ai.agent.id": "a",
        "gen_ai.conversation.id": "s",
        "tool.name": "Write",
        "gen_ai.tool.name": "Write",
        "gen_ai.operation.name": "execute_tool",
        "tool.duration_ms": "42",
        "tool.bytes_in": "120",
        "tool.bytes_out": "0",
        "network.dest_host": "example.com",
        "server.address": "example.com",
        "policy.outcome": "allowed",
        "error.type": "OSError",
        "audit.prev_hash": "GENESIS",
        "audit.event": "tool_use",
        "audit.severity": "high",
        "audit.target": "/x",
        "audit.extra": '{"a":[true],"b":1}',
    }
    assert span["name"] == "tool_use Write"
    assert span["status"] == {"code": 2, "message": "OSError"}
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == (
        "1776262980000000000",
        "1776262980042000000",
    )


def test_a_blocked_row_is_an_error() -> None:
    (span,) = spans_of([line_of({**SEED, "policy_outcome": "blocked"})])
    assert span["status"] == {"code": 2, "message": "blocked by policy"}


def test_rows_of_one_session_are_one_trace_and_rows_of_two_are_two() -> None:
    first, second, third = spans_of(
        [line_of({**SEED, "session_id": session, "seq": at}) for at, session in enumerate(["a", "a", "b"])]
    )
    assert first["traceId"] == second["traceId"] != third["traceId"]
    assert len({first["spanId"], second["spanId"], third["spanId"]}) == 3


def test_equal_rows_that_no_chain_tells_apart_are_two_spans() -> None:
    row = {name: value for name, value in SEED.items() if name != "prev_hash"}
    first, second = spans_of([line_of(row), line_of(row)])
    assert first["spanId"] != second["spanId"]


def test_the_rows_own_ids_are_the_trace_and_the_parent() -> None:
    (span,) = spans_of([line_of({**SEED, "trace_id": "AB" * 16, "span_id": "cd" * 8})])
    assert (span["traceId"], span["parentSpanId"]) == ("ab" * 16, "cd" * 8)
    assert span["spanId"] != "cd" * 8


def test_ts_may_be_the_end() -> None:
    (span,) = spans_of([line_of(SEED)], ts="end")
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == (
        "1776262979958000000",
        "1776262980000000000",
    )


def test_a_row_without_a_time_gets_that_of_the_row_before_and_says_so() -> None:
    _, span = spans_of([line_of(SEED), line_of({**SEED, "ts": "soon"})])
    shown = {each["key"]: each["value"] for each in span["attributes"]}
    assert span["startTimeUnixNano"] == "1776262980000000000"
    assert shown["audit.time_unknown"] == {"boolValue": True}
    assert shown["audit.ts"] == {"stringValue": "soon"}


def test_a_row_cannot_claim_that_it_was_verified() -> None:
    (span,) = spans_of([line_of({**SEED, "verified": True})])
    keys = [each["key"] for each in span["attributes"]]
    assert "audit.row.verified" in keys
    assert "audit.verified" not in keys


def test_a_huge_row_becomes_a_span_of_bounded_size() -> None:
    row = {**SEED, "x": "y" * 10**6, **{f"member{n}": "z" * 16000 for n in range(40)}}
    (span,) = spans_of([line_of(row)])
    assert len(json.dumps(span)) < MAX_SPAN + 2000
    assert {"key": "audit.truncated", "value": {"boolValue": True}} in span["attributes"]


def test_rows_of_many_shapes_and_values_do_not_fill_the_memory() -> None:
    row = {"event": "e", "ts": "2026-04-15T14:23:00Z", "prev_hash": DIGEST}
    lines = [line_of({**row, "agent_id": f"a{n}", f"m{n % 300}": n}) for n in range(1000)]
    lines += [line_of({**row, "session_id": f"s{n}", "tool": f"t{n % 2100}"}) for n in range(4200)]
    assert spans_of(lines) == naive_spans(lines)


@pytest.mark.parametrize("line", [b"", b"nonsense", b"[1]", b'{"a":1}x', b"\xff\xfe", b'"text"'])
def test_what_is_no_row_is_explained(line: bytes) -> None:
    assert isinstance(read_row(line), str)
