# SPDX-License-Identifier: Apache-2.0
"""Attributes of spans as pieces of OTLP/JSON text, built once for values that come again.

The members of a row get the names of the seed's table and beside them the official ones; members that
the table does not have keep their name behind `audit.`. No value comes out that was not looked at for
credentials.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from telemetry.audit.masking import MASK, mask_row, mask_text

__all__ = [
    "MAX_TEXT",
    "NAMES",
    "AttributeTexts",
    "clean_text",
    "escape",
    "may_hold_secret",
    "string_attribute",
]

escape = json.encoder.encode_basestring_ascii
"""A text in quotes, as JSON has it, in ASCII."""

MAX_TEXT: Final = 16 * 1024
"""Characters of a value that are kept."""

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "agent_id": ("agent.id", "gen_ai.agent.id"),
    "session_id": ("gen_ai.conversation.id",),
    "tool": ("tool.name", "gen_ai.tool.name"),
    "duration_ms": ("tool.duration_ms",),
    "bytes_in": ("tool.bytes_in",),
    "bytes_out": ("tool.bytes_out",),
    "dest_host": ("network.dest_host", "server.address"),
    "policy_outcome": ("policy.outcome",),
    "error_type": ("error.type",),
    "prev_hash": ("audit.prev_hash",),
    "event": ("audit.event",),
    "severity": ("audit.severity",),
    "target": ("audit.target",),
    # A row cannot claim what only the exporter says.
    "verified": ("audit.row.verified",),
    "time_unknown": ("audit.row.time_unknown",),
    "truncated": ("audit.row.truncated",),
}
"""Members of a row and the attributes that they become."""

_UNIQUE: Final = frozenset({"prev_hash", "hmac", "ts", "target", "span_id"})
_MOST_KNOWN: Final = 8192
_MOST_KNOWN_CHARACTERS: Final = 128
_MAX_NAME: Final = 256
_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}=")  # base64 of 32 bytes: cannot be read, and must not be changed
_SURROGATE = re.compile("[\ud800-\udfff]")  # what is left of them in decoded JSON is half a pair
_MASKED: Final = f'{{"stringValue":"{MASK}"}}}}'
_MIN_SECRET: Final = 8  # characters of the shortest thing that masking takes out
# In lower case, a part of everything that masking takes out; far faster than its expressions.
_HINTS: Final = (
    *("sk-", "xox", "gh", "glpat", "_live_", "akia", "aiza", "eyj"),
    *("bearer", "basic", "token", "://", "private", "passw", "secret", "api"),
)


def may_hold_secret(text: str) -> bool:
    """Whether masking could change a text; may say yes in vain, never no in vain."""
    if len(text) < _MIN_SECRET:
        return False
    if not text.isascii():  # letters that are equal to others when case is ignored
        return True
    lowered = text.lower()
    for hint in _HINTS:  # noqa: SIM110 - any() with a generator takes three times as long
        if hint in lowered:
            return True
    return False


def clean_text(text: str) -> str:
    """Returns a text without credentials, without halves of characters, and not longer than `MAX_TEXT`."""
    if may_hold_secret(text):
        text = mask_text(text)
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def string_attribute(name: str, value: str) -> str:
    """Returns an attribute with a text that is clean already."""
    return f'{{"key":{escape(name)},"value":{{"stringValue":{escape(value)}}}}}'


class AttributeTexts:
    """Makes the attributes of members, and remembers those that come again."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, str]] = {}  # member -> text value -> attributes
        self._openings: dict[str, tuple[str, ...]] = {}  # member -> the attributes up to their value
        self._secret: set[str] = set()
        self._count = 0

    def text(self, member: str, value: str) -> str:
        """Returns the attributes of a member with a text; empty for the empty text."""
        if not value:
            return ""
        made = self._attributes(member, value, f'{{"stringValue":{escape(_clean(value))}}}}}')
        if member in _UNIQUE or len(value) > _MOST_KNOWN_CHARACTERS or len(member) > _MOST_KNOWN_CHARACTERS:
            return made
        if self._count >= _MOST_KNOWN:
            self.known.clear()
            self._count = 0
        self.known.setdefault(member, {})[value] = made
        self._count += 1
        return made

    def integer(self, member: str, value: int) -> str:
        """Returns the attributes of a member with a whole number; as text where 64 bits are too few."""
        kind = "intValue" if -(2**63) <= value < 2**63 else "stringValue"
        return self._attributes(member, value, f'{{"{kind}":"{value}"}}}}')

    def other(self, member: str, value: Any) -> str:
        """Returns the attributes of a member with another value; empty for an empty one."""
        kind = value.__class__
        if kind is bool:
            return self._attributes(member, False, f'{{"boolValue":{"true" if value else "false"}}}}}')
        if kind is float:
            shown = f'"doubleValue":{value!r}' if math.isfinite(value) else f'"stringValue":"{value}"'
            return self._attributes(member, value, f"{{{shown}}}}}")
        if not value:
            return ""
        masked = mask_row({member: value})[member]  # bounds the depth, too
        text = json.dumps(masked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return self._attributes(member, value, f'{{"stringValue":{escape(clean_text(text))}}}}}')

    def _attributes(self, member: str, value: Any, rest: str) -> str:
        openings = self._openings.get(member)
        if openings is None:
            openings = self._learn(member)
        if value and member in self._secret:
            rest = _MASKED
        if len(openings) == 1:
            return openings[0] + rest
        return ",".join([opening + rest for opening in openings])

    def _learn(self, member: str) -> tuple[str, ...]:
        openings = tuple(f'{{"key":{escape(name)},"value":' for name in attribute_names(member))
        if len(self._openings) >= _MOST_KNOWN:
            self._openings.clear()
            self._secret.clear()
        self._openings[member] = openings
        if mask_row({member: "x"})[member] != "x":  # its name says that it is a secret
            self._secret.add(member)
        return openings


def attribute_names(member: str) -> tuple[str, ...]:
    """Returns the names under which a member of a row is exported."""
    return NAMES.get(member) or (f"audit.{clean_text(member)[:_MAX_NAME]}",)


def _clean(value: str) -> str:
    return value if _DIGEST.fullmatch(value) else clean_text(value)
