# SPDX-License-Identifier: Apache-2.0
"""Rows as OTLP/JSON spans, as text: the same row gives the same bytes, however often it is exported."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from telemetry.audit.canonical import canonical
from telemetry.audit.chain import GENESIS, PREV_HASH
from telemetry.audit.exporting.attributes import (
    AttributeTexts,
    clean_text,
    escape,
    string_attribute,
)
from telemetry.audit.times import LATEST_NS, Times

if TYPE_CHECKING:
    from telemetry.audit.exporting.options import ExportOptions

__all__ = [
    "MAX_SPAN",
    "MOST_MS",
    "OPERATION",
    "VERIFIED",
    "Carried",
    "SpanTexts",
    "hashed",
    "session_agent",
    "status_of",
]

MAX_SPAN: Final = 256 * 1024
"""Characters of one span: a document of spans stays below what receivers and file readers take."""

_BLOCKED: Final = "blocked"
OPERATION: Final = string_attribute("gen_ai.operation.name", "execute_tool")
_NO_TIME: Final = '{"key":"audit.time_unknown","value":{"boolValue":true}}'
_TRUNCATED: Final = '{"key":"audit.truncated","value":{"boolValue":true}}'
VERIFIED: Final = {
    True: '{"key":"audit.verified","value":{"boolValue":true}}',
    False: '{"key":"audit.verified","value":{"boolValue":false}}',
}
_MOST_KNOWN: Final = 4096
MOST_MS: Final = 10**13  # three hundred years
_trace_id = re.compile(r"(?!0{32})[0-9a-fA-F]{32}").fullmatch
_span_id = re.compile(r"(?!0{16})[0-9a-fA-F]{16}").fullmatch


class Carried(NamedTuple):
    """What later rows need of earlier ones; kept in checkpoints, so that a restart changes no byte.

    Attributes:
        genesis: Hash of the trail's first row; empty before the first one.
        last_ns: Time of the row before.
    """

    genesis: str = ""
    last_ns: int = 0


class SpanTexts:
    """Makes spans of the rows of one trail, in their order.

    Args:
        options: How.
        carried: What an earlier run left.
    """

    def __init__(self, options: ExportOptions, carried: Carried = Carried()) -> None:  # noqa: B008 - it cannot change
        self._is_start = options.ts == "start"
        self._is_trace_per_row = options.trace_per_row
        self._genesis, self._last_ns = carried
        self._attributes = AttributeTexts()
        self._times = Times()
        self._traces: dict[str, str] = {}
        self._headings: dict[tuple[str, str], tuple[str, bool]] = {}

    @property
    def carried(self) -> Carried:
        """What the next row needs of those before it."""
        return Carried(self._genesis, self._last_ns)

    def begin(self, genesis: str) -> None:
        """Says what the trail began with, where that is not the first row that is read."""
        self._genesis = self._genesis or genesis

    def span(self, line: bytes, row: dict[str, Any], offset: int, verified: bool | None = None) -> str:
        """Returns the span of a row.

        Args:
            line: The line that the row was read from, without its newline.
            row: The row.
            offset: Where the line stands in its file; tells equal rows apart that no chain tells apart.
            verified: Whether the chain proves the row; None: nothing is claimed.
        """
        if not self._genesis:
            self._genesis = sha256(line).hexdigest()
        digest = sha256(line if PREV_HASH in row else line + b"@%d" % offset).hexdigest()
        trace, parent, is_traced, is_child = self._trace(row, digest)
        start, end, is_timed = self._times_of(row)
        parts = self._parts(row, is_traced, is_child, is_timed)
        name, is_tool = self._heading(row)
        if is_tool:
            parts.append(OPERATION)
        if not is_timed:
            parts.append(_NO_TIME)
        if verified is not None:
            parts.append(VERIFIED[verified])
        attributes = ",".join(parts)
        if len(attributes) > MAX_SPAN:
            attributes = _shortened(parts, verified)
        return (
            f'{{"traceId":"{trace}",{parent}"spanId":"{digest[:16]}","name":{name},"kind":1,'
            f'"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","attributes":[{attributes}],'
            f'"status":{status_of(row)}}}'
        )

    def _parts(self, row: dict[str, Any], is_traced: bool, is_child: bool, is_timed: bool) -> list[str]:
        attributes = self._attributes
        known = attributes.known
        parts: list[str] = []
        for member, value in row.items():
            kind = value.__class__
            if kind is str:
                if (
                    (member == "ts" and is_timed)
                    or (member == "trace_id" and is_traced)
                    or (member == "span_id" and is_child)
                ):
                    continue
                values = known.get(member)
                part = (values and values.get(value)) or attributes.text(member, value)
            elif kind is int:
                if member == "ts" and is_timed:
                    continue
                part = attributes.integer(member, value)
            elif value is None or (member == "ts" and is_timed):
                continue
            else:
                part = attributes.other(member, value)
            if part:
                parts.append(part)
        return parts + session_agent(row)

    def _trace(self, row: dict[str, Any], digest: str) -> tuple[str, str, bool, bool]:
        """Returns the trace, the member that names the parent, and whether both ids are the row's own."""
        own = row.get("trace_id")
        if own.__class__ is str and _trace_id(own):
            parent = row.get("span_id")
            if parent.__class__ is str and _span_id(parent):
                return str(own).lower(), f'"parentSpanId":"{str(parent).lower()}",', True, True
            return str(own).lower(), "", True, False
        if self._is_trace_per_row:
            prev_hash = row.get(PREV_HASH)
            if not prev_hash or prev_hash == GENESIS:
                return digest[32:], "", False, False
            return hashed(_as_text(prev_hash)), "", False, False
        session = _as_text(row.get("session_id") or row.get("agent_id") or "")
        trace = self._traces.get(session)
        if trace is None:
            if len(self._traces) >= _MOST_KNOWN:
                self._traces.clear()
            trace = self._traces[session] = hashed(f"{session}\n{self._genesis}")
        return trace, "", False, False

    def _times_of(self, row: dict[str, Any]) -> tuple[int, int, bool]:
        at = self._times.nanoseconds(row.get("ts"))
        is_timed = at is not None
        if at is None:
            at = self._last_ns  # rows stand in the order in which things happened
        else:
            self._last_ns = at
        took = row.get("duration_ms")
        if took.__class__ is int and 0 < took < MOST_MS:
            duration: int = took * 1_000_000
        elif took.__class__ is float and 0 < took < MOST_MS:
            duration = round(took * 1e6)
        else:
            return at, at, is_timed
        return *self._interval(at, duration), is_timed

    def _interval(self, at: int, duration: int) -> tuple[int, int]:
        if self._is_start:
            return at, min(at + duration, LATEST_NS)
        return max(at - duration, 0), at

    def _heading(self, row: dict[str, Any]) -> tuple[str, bool]:
        """Returns the span's name as JSON, and whether a tool was executed."""
        key = _as_text(row.get("event") or ""), _as_text(row.get("tool") or "")
        known = self._headings.get(key)
        if known is None:
            event, tool = key
            name = clean_text(" ".join(filter(None, (event, tool))) or "audit")[:256]
            known = escape(name), bool(tool) and event.lower().startswith("tool")
            if len(self._headings) >= _MOST_KNOWN:
                self._headings.clear()
            self._headings[key] = known
        return known


def status_of(row: dict[str, Any]) -> str:
    """Returns the status of a row's span as JSON: an error where it was blocked or failed."""
    error, outcome = row.get("error_type"), row.get("policy_outcome")
    is_blocked = outcome.__class__ is str and outcome.lower() == _BLOCKED
    if not error and not is_blocked:
        return "{}"
    message = clean_text(_as_text(error))[:256] if error else "blocked by policy"
    return f'{{"message":{escape(message)},"code":2}}'


def session_agent(row: dict[str, Any]) -> list[str]:
    """Returns `agent.id` of a row that names its session only."""
    session = row.get("session_id")
    if not session or row.get("agent_id"):
        return []
    return [string_attribute("agent.id", clean_text(_as_text(session)))]


def _as_text(value: Any) -> str:
    if value.__class__ is str:
        return value
    try:
        return canonical({"": value}).decode("ascii")[4:-1]
    except (ValueError, RecursionError):
        return "?"


def hashed(text: str) -> str:
    """Returns a trace id made of a text."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _shortened(parts: list[str], verified: bool | None) -> str:
    """Returns as many attributes as fit; what the exporter itself says is always among them."""
    kept = [_TRUNCATED] if verified is None else [_TRUNCATED, VERIFIED[verified]]
    size = sum(map(len, kept))
    for part in parts:
        size += len(part) + 1
        if size < MAX_SPAN and part not in kept:
            kept.append(part)
    return ",".join(kept)
