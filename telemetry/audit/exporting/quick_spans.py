# SPDX-License-Identifier: Apache-2.0
"""Spans of rows of known shapes, put together without parsing: byte for byte what the slow way gives."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from telemetry.audit.exporting.attributes import attribute_names, clean_text, escape, may_hold_secret
from telemetry.audit.exporting.shapes import Shapes
from telemetry.audit.exporting.spans import (
    MOST_MS,
    OPERATION,
    VERIFIED,
    Carried,
    SpanTexts,
    hashed,
    status_of,
)
from telemetry.audit.masking import mask_text
from telemetry.audit.times import LATEST_NS

if TYPE_CHECKING:
    from telemetry.audit.exporting.options import ExportOptions
    from telemetry.audit.exporting.shapes import Shape

__all__ = ["QuickSpanTexts"]

_PLACE: Final = "\n"  # does not occur in JSON text on one line
_MOST_TEMPLATES: Final = 2048
_MOST_SECONDS: Final = 4096
_MOST_SESSIONS: Final = 4096


class QuickSpanTexts(SpanTexts):
    """Learns the shapes of the rows that it makes spans of.

    Args:
        options: How.
        carried: What an earlier run left.
    """

    def __init__(self, options: ExportOptions, carried: Carried = Carried()) -> None:  # noqa: B008 - it cannot change
        super().__init__(options, carried)
        self._shapes = Shapes()
        self._seconds: dict[str, str] = {}
        self._traces_of: dict[tuple[str, ...], str] = {}  # of agent and session, which need no masking
        self._template_count = 0

    def span(self, line: bytes, row: dict[str, Any], offset: int, verified: bool | None = None) -> str:
        """Returns the span of a row, and learns its shape."""
        text = super().span(line, row, offset, verified)
        self._shapes.add(row, line)
        return text

    def quick(self, line: bytes, offset: int, verified: bool | None = None) -> str | None:
        """Returns the span of a row of a known shape, without parsing it; None where it must be parsed.

        Args:
            line: The line, without its newline.
            offset: As of `span`.
            verified: As of `span`.
        """
        if not line.isascii() or not self._genesis:
            return None
        shape = self._shapes.latest
        row = line.decode("ascii")
        found = shape.fullmatch(row) if shape is not None else None
        if found is None:
            shape, found = self._shapes.find(row)
        if shape is None or found is None:
            return None
        values = found.groups()
        ts = values[shape.ts]
        second = self._seconds.get(ts[:19]) or self._second_of(ts)
        if not second:
            return None
        for text in shape.free_texts(values):
            if may_hold_secret(text) and mask_text(text) != text:
                return None
        named = shape.named(values)
        trace = self._traces_of.get(named) or self._trace_of(shape, named)
        if not trace:
            return None
        start = end = second + ts[20:-1].ljust(9, "0")
        self._last_ns = at = int(start)
        if shape.duration is not None:
            took = int(values[shape.duration])
            if not 0 < took < MOST_MS:
                pass
            elif self._is_start:
                end = str(min(at + took * 1_000_000, LATEST_NS))
            else:
                start = str(max(at - took * 1_000_000, 0))
        digest = sha256(line if shape.is_chained else line + b"@%d" % offset).hexdigest()
        ids = shape.own_ids(values) or (trace,)
        if self._is_trace_per_row and ids == (trace,):
            ids = (hashed(values[shape.prev_hash]) if shape.is_chained else digest[32:],)
        stable = shape.stable(values)
        # What is the same in all such rows, with an empty place after each piece: filled in a copy.
        pieces = (shape.templates.get(stable) or self._template(shape, stable)).copy()
        claim = "" if verified is None else "," + VERIFIED[verified]
        pieces[1::2] = (*ids, digest[:16], start, end, *shape.volatile(values), claim)
        return "".join(pieces)

    def _second_of(self, ts: str) -> str:
        """Returns the Unix second of a time in the usual form, remembered for the rows that share it."""
        at = self._times.nanoseconds(ts[:19] + ".999999999Z")
        if at is None or at < 1_000_000_000:
            return ""
        if len(self._seconds) >= _MOST_SECONDS:
            self._seconds.clear()
        self._seconds[ts[:19]] = second = str(at // 1_000_000_000)
        return second

    def _trace_of(self, shape: Shape, named: tuple[str, ...]) -> str:
        """Returns the trace of an agent's session; empty where a name is not to be shown as it is."""
        if any(clean_text(text) != text for text in named):
            return ""
        if len(self._traces_of) >= _MOST_SESSIONS:
            self._traces_of.clear()
        row: dict[str, Any] = dict(zip(shape.named_names, named, strict=True))
        # There is none where each row has its own; the place is a sign that is not empty.
        self._traces_of[named] = trace = self._trace(row, "")[0] or _PLACE
        return trace

    def _template(self, shape: Shape, stable: tuple[str, ...]) -> list[str]:
        """Returns the span of rows with these values, with places for what is different in each."""
        row: dict[str, Any] = dict(zip(shape.stable_names, stable, strict=True))
        parent = f'"parentSpanId":"{_PLACE}",' if "span_id" in shape.index else ""
        parts = []
        for member in shape.names:
            if member in row:
                parts.append(self._attributes.text(member, row[member]))
            elif member not in shape.hidden:
                kind = "stringValue" if shape.is_text[member] else "intValue"
                value = f'"value":{{"{kind}":"{_PLACE}"}}}}'
                parts += [f'{{"key":{escape(name)},{value}' for name in attribute_names(member)]
        if shape.named_names == ["session_id"]:
            parts.append(f'{{"key":"agent.id","value":{{"stringValue":"{_PLACE}"}}}}')
        name, is_tool = self._heading(row)
        if is_tool:
            parts.append(OPERATION)
        template = (
            f'{{"traceId":"{_PLACE}",{parent}"spanId":"{_PLACE}","name":{name},"kind":1,'
            f'"startTimeUnixNano":"{_PLACE}","endTimeUnixNano":"{_PLACE}",'
            f'"attributes":[{",".join(parts)}{_PLACE}],"status":{status_of(row)}}}'
        )
        if self._template_count >= _MOST_TEMPLATES:
            self._shapes.forget()
            self._template_count = 0
        self._template_count += 1
        pieces = [piece for text in template.split(_PLACE) for piece in (text, "")][:-1]
        shape.templates[stable] = pieces
        return pieces
