# SPDX-License-Identifier: Apache-2.0
"""Rows of a shape that was seen before: the same members in the same order, with plain values.

The rows of a log have few shapes. For each there is one regular expression, which reads a row several times
as fast as a JSON parser does, and takes only what a parser would read in the same way: text without
escapes, whole numbers, no whitespace in unusual places. A row that it does not take is parsed.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from telemetry.audit.chain import HMAC, PREV_HASH
from telemetry.audit.exporting.attributes import attribute_names
from telemetry.audit.masking import mask_row

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STABLE", "Shape", "Shapes", "learn"]

STABLE: Final = frozenset(
    ("tool", "event", "policy_outcome", "severity", "error_type", "dest_host", "key_id")
)
"""Members of few values, so that what they become together is kept."""
_NAMED: Final = ("agent_id", "session_id")

_MOST_MEMBERS: Final = 64
_MOST_CHARACTERS: Final = 8 * 1024
_MOST_SHAPES: Final = 64
_MOST_ALIKE: Final = 8
_TEXT: Final = r'"([ !#-\[\]-~]+)"'  # printable ASCII without escapes: is its own JSON
_DIGEST: Final = '"([A-Za-z0-9+/]{43}=)"'
_INTEGER: Final = "(0|-?[1-9][0-9]{0,17})"
_TRACE: Final = '"((?!0{32})[0-9a-f]{32})"'
_TIME: Final = r'"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z)"'
_SPAN: Final = '"((?!0{16})[0-9a-f]{16})"'


class Shape:
    """How rows of one shape are read.

    Args:
        members: The members in their order, with whether they are text.
        fullmatch: The expression; its groups are the values.

    Attributes:
        fullmatch: Reads a row; None where it has another shape.
        names: The members in their order.
        stable: Takes the values of members of few values out of the groups; a tuple.
        named: Takes agent and session; a tuple.
        volatile: Takes the values of other attributes, in the order of these; a tuple.
        free_texts: Takes those of them that may hold anything; a tuple.
        index: The group of a member.
        ts: The group of `ts`.
        duration: The group of `duration_ms`; None where the shape has none.
        prev_hash: The group of `prev_hash`, where `is_chained`.
        is_chained: Whether the shape has `prev_hash`.
        own_ids: Takes the ids of trace and parent out of the groups; a tuple.
        templates: What was made of stable values.
    """

    hidden = frozenset({"ts", "trace_id", "span_id"})
    """Members that become the span's own times and ids."""

    def __init__(
        self, members: list[tuple[str, bool]], fullmatch: Callable[[str], re.Match[str] | None]
    ) -> None:
        self.fullmatch = fullmatch
        self.names = [name for name, _ in members]
        self.index = {name: at for at, name in enumerate(self.names)}
        stable = [at for at, name in enumerate(self.names) if name in STABLE]
        self.stable_names = [self.names[at] for at in stable]
        self.stable = _taker(stable)
        self.named_names = [name for name in _NAMED if name in self.index]
        self.named = _taker([self.index[name] for name in self.named_names])
        others = [name for name in self.names if name not in STABLE | self.hidden]
        slots = [self.index[name] for name in others for _ in attribute_names(name)]
        if self.named_names == ["session_id"]:
            slots.append(self.index["session_id"])
        self.volatile = _taker(slots)
        texts = {name for name, is_text in members if is_text}
        free = texts - {PREV_HASH, HMAC, *_NAMED}
        self.free_texts = _taker([self.index[name] for name in others if name in free])
        self.is_text = {name: name in texts for name in self.names}
        self.ts = self.index["ts"]
        self.duration = self.index.get("duration_ms") if not self.is_text.get("duration_ms") else None
        self.is_chained = PREV_HASH in self.index
        self.prev_hash = self.index.get(PREV_HASH, 0)
        self.own_ids = _taker([self.index[name] for name in ("trace_id", "span_id") if name in self.index])
        self.templates: dict[tuple[str, ...], list[str]] = {}


class Shapes:
    """The shapes that were learnt, by the number of quotation marks in a row."""

    def __init__(self) -> None:
        self._by_quotes: dict[int, list[Shape]] = {}
        self._count = 0
        self.latest: Shape | None = None  # that a row had; most have the same as the one before

    def find(self, text: str) -> tuple[Shape | None, re.Match[str] | None]:
        """Returns the shape that a row has, now the latest, and its match; None twice where it has none."""
        for shape in self._by_quotes.get(text.count('"'), ()):
            found = shape.fullmatch(text)
            if found is not None:
                self.latest = shape
                return shape, found
        return None, None

    def forget(self) -> None:
        """Forgets what was made of values, so that memory stays bounded."""
        for alike in self._by_quotes.values():
            for shape in alike:
                shape.templates.clear()

    def add(self, row: dict[str, Any], line: bytes) -> None:
        """Learns the shape of a row that none of the shapes took, within bounds."""
        if self._count >= _MOST_SHAPES or len(line) > _MOST_CHARACTERS or not line.isascii():
            return
        text = line.decode("ascii")
        alike = self._by_quotes.setdefault(text.count('"'), [])
        if len(alike) >= _MOST_ALIKE:
            return
        shape = learn(row, text)
        if shape is not None:
            alike.append(shape)
            self._count += 1


def learn(row: dict[str, Any], text: str) -> Shape | None:
    """Returns the shape of a row, or None where it has none that could be read without a parser."""
    if len(row) > _MOST_MEMBERS or row.get("ts").__class__ is not str:
        return None
    if "span_id" in row and "trace_id" not in row:  # then it is an attribute like others
        return None
    names = dict.fromkeys(row, "x")
    if mask_row(names) != names:  # one of them says that it is a secret
        return None
    patterns = [_pattern(name, value) for name, value in row.items()]
    if None in patterns:
        return None
    for comma, colon in ((",", ":"), (", ", ": ")):
        members = comma.join(
            f'"{re.escape(name)}"{colon}{pattern}' for name, pattern in zip(row, patterns, strict=True)
        )
        fullmatch = re.compile(rf"\{{{members}\}}\r?\n?", re.ASCII).fullmatch
        if fullmatch(text):
            return Shape([(name, value.__class__ is str) for name, value in row.items()], fullmatch)
    return None


def _pattern(name: str, value: Any) -> str | None:
    if name in (PREV_HASH, HMAC):
        return _DIGEST
    if name == "ts":
        return _TIME
    if name == "trace_id":
        return _TRACE
    if name == "span_id":
        return _SPAN
    if value.__class__ is str:
        return _TEXT
    return _INTEGER if value.__class__ is int and name not in STABLE | set(_NAMED) else None


def _taker(indexes: list[int]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    if not indexes:
        return lambda _: ()
    if len(indexes) == 1:
        only = slice(indexes[0], indexes[0] + 1)
        return lambda groups: groups[only]
    return itemgetter(*indexes)
