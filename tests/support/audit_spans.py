# SPDX-License-Identifier: Apache-2.0
"""Rows as spans, the naive way: dictionaries and `json`; what the fast way is held against."""

from __future__ import annotations

import hashlib
import json
import math
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from telemetry.audit.masking import mask_row, mask_text

TABLE = {
    "agent_id": ["agent.id", "gen_ai.agent.id"],
    "session_id": ["gen_ai.conversation.id"],
    "tool": ["tool.name", "gen_ai.tool.name"],
    "duration_ms": ["tool.duration_ms"],
    "bytes_in": ["tool.bytes_in"],
    "bytes_out": ["tool.bytes_out"],
    "dest_host": ["network.dest_host", "server.address"],
    "policy_outcome": ["policy.outcome"],
    "error_type": ["error.type"],
    "prev_hash": ["audit.prev_hash"],
    "event": ["audit.event"],
    "severity": ["audit.severity"],
    "target": ["audit.target"],
}
CLAIMS = ("verified", "time_unknown", "truncated")


def naive_spans(
    lines: list[bytes], *, ts: str = "start", trace_per_row: bool = False
) -> list[dict[str, Any]]:
    """The spans of a log."""
    spans = []
    genesis, last, offset = "", 0, 0
    for line in lines:
        row = _row(line)
        if row is not None:
            genesis = genesis or hashlib.sha256(line).hexdigest()
            span, last = _span(line, row, offset, genesis, last, ts, trace_per_row)
            spans.append(span)
        offset += len(line) + 1
    return spans


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _span(
    line: bytes, row: dict[str, Any], offset: int, genesis: str, last: int, ts: str, trace_per_row: bool
) -> tuple[dict[str, Any], int]:
    identity = line if "prev_hash" in row else line + f"@{offset}".encode()
    digest = hashlib.sha256(identity).hexdigest()
    at = nanoseconds(row.get("ts"))
    moment = last if at is None else at
    took = row.get("duration_ms")
    is_number = isinstance(took, int | float) and not isinstance(took, bool)
    duration = (
        int(round(took * 1e6) if isinstance(took, float) else took * 10**6)
        if is_number and 0 < took < 1e13
        else 0
    )
    start, end = (moment, moment + duration) if ts == "start" else (max(moment - duration, 0), moment)
    has_trace = (
        isinstance(row.get("trace_id"), str)
        and re.fullmatch("[0-9a-fA-F]{32}", row["trace_id"])
        and int(row["trace_id"], 16)
    )
    has_span = (
        has_trace
        and isinstance(row.get("span_id"), str)
        and re.fullmatch("[0-9a-fA-F]{16}", row["span_id"])
        and int(row["span_id"], 16)
    )
    used = {
        name
        for name, is_used in (("ts", at is not None), ("trace_id", has_trace), ("span_id", has_span))
        if is_used
    }
    attributes = []
    for name, value in mask_row(row).items():
        if name not in used and row[name] is not None:
            attributes += _attributes(name, value, row[name])
    if row.get("session_id") and not row.get("agent_id"):
        attributes.append(_string("agent.id", clean(text(row["session_id"]))))
    event, tool = text(row.get("event") or ""), text(row.get("tool") or "")
    if tool and event.lower().startswith("tool"):
        attributes.append(_string("gen_ai.operation.name", "execute_tool"))
    if at is None:
        attributes.append({"key": "audit.time_unknown", "value": {"boolValue": True}})
    span: dict[str, Any] = {"traceId": _trace(row, digest, genesis, has_trace, trace_per_row)}
    if has_span:
        span["parentSpanId"] = row["span_id"].lower()
    span |= {
        "spanId": digest[:16],
        "name": clean(f"{event} {tool}" if event and tool else event or tool or "audit")[:256],
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(min(end, 2**63 - 1)),
        "attributes": attributes,
        "status": _status(row),
    }
    return span, moment


def _status(row: dict[str, Any]) -> dict[str, Any]:
    outcome = row.get("policy_outcome")
    if row.get("error_type"):
        return {"message": clean(text(row["error_type"]))[:256], "code": 2}
    if isinstance(outcome, str) and outcome.lower() == "blocked":
        return {"message": "blocked by policy", "code": 2}
    return {}


def _trace(row: dict[str, Any], digest: str, genesis: str, has_trace: Any, trace_per_row: bool) -> str:
    if has_trace:
        return str(row["trace_id"]).lower()
    if trace_per_row:
        prev_hash = row.get("prev_hash")
        return digest[32:] if not prev_hash or prev_hash == "GENESIS" else _hash(text(prev_hash))
    return _hash(text(row.get("session_id") or row.get("agent_id") or "") + "\n" + genesis)


def _hash(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _attributes(name: str, value: Any, given: Any) -> list[dict[str, Any]]:
    names = TABLE.get(name) or [f"audit.row.{name}" if name in CLAIMS else "audit." + clean(name)[:256]]
    if isinstance(value, bool):
        shown: dict[str, Any] = {"boolValue": value}
    elif isinstance(value, int):
        shown = (
            {"intValue": str(value)}
            if abs(value + 0.5) < 2**63 and -(2**63) <= value < 2**63
            else {"stringValue": str(value)}
        )
    elif isinstance(value, float):
        shown = {"doubleValue": value} if math.isfinite(value) else {"stringValue": str(value)}
    elif isinstance(value, str):
        is_digest = re.fullmatch("[A-Za-z0-9+/]{43}=", given) if isinstance(given, str) else None
        is_masked_name = value == "***"
        shown = {"stringValue": given if is_digest and not is_masked_name else clean(value)}
    else:
        shown = {
            "stringValue": clean(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
        }
    if given in ("", [], {}):
        return []
    return [{"key": each, "value": shown} for each in names]


def _string(name: str, value: str) -> dict[str, Any]:
    return {"key": name, "value": {"stringValue": value}}


def clean(value: str) -> str:
    value = re.sub("[\ud800-\udfff]", "\ufffd", mask_text(value))
    return value if len(value) <= 16384 else value[:16383] + "…"


def text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return "?"


def nanoseconds(ts: Any) -> int | None:
    """Only the forms that tests write: ISO 8601 with a fraction and an offset, and numbers."""
    if isinstance(ts, bool) or not isinstance(ts, str | int | float):
        return None
    if not isinstance(ts, str):
        if repr(ts).startswith("-") or (isinstance(ts, float) and 0 < ts < 1e-4):
            return None
        number = Fraction(-1)
        if math.isfinite(ts):
            number = Fraction(repr(ts)) if ts < 1e15 else Fraction(int(ts))
        unit = next(
            (unit for limit, unit in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3)) if number < limit), 1
        )
        return int(number * unit) if number >= 0 and number * unit < 2**63 else None
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", ts, re.ASCII)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found[1] + (found[3] or "Z").replace("Z", "+00:00"))
        seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None
    value = seconds * 10**9 + int((found[2] or "0").ljust(9, "0")[:9])
    return value if 0 <= value < 2**63 else None
