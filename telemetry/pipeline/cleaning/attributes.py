# SPDX-License-Identifier: Apache-2.0
"""Attributes as they may leave the process: no secrets, no unwanted content, nothing too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from enum import Enum
from typing import TYPE_CHECKING, Any

from telemetry.conventions import (
    CONTENT,
    CONTENT_BY_MARK,
    CONTENT_FRAME,
    CONTENT_PREFIXES,
    EXCEPTION_STACKTRACE,
)
from telemetry.redaction import MASK, is_secret_key, is_secret_number, may_hold_secret, redact
from telemetry.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AttributeCleaner", "Tally"]

_DEEPEST = 20
_REMEMBERED = 2048
_LONGEST_REMEMBERED = 64
_HARMLESS_TYPES = frozenset({bool, int, float, type(None)})
_MARKED = frozenset(name for names in CONTENT_BY_MARK.values() for name in names)


class Tally:
    """What happened to the attributes of one batch.

    Attributes:
        truncated: Values that were cut.
    """

    __slots__ = ("truncated",)

    def __init__(self) -> None:
        self.truncated = 0


class _Key(Enum):
    """What an attribute's name says of its value."""

    PLAIN = "plain"
    SECRET = "secret"  # noqa: S105 - a name for the kind, not a password
    SECRET_TEXT = "secret unless it is a number"  # noqa: S105 - likewise
    CONTENT = "content"
    MARKED = "content beside some others"
    TELLING = "holds a secret itself"


class AttributeCleaner:
    """Cleans attributes and the values in them. Thread-safe.

    Almost nothing that is recorded has to change. To find that out fast, names that mean nothing special
    and short values that were clean are remembered, and the rest is searched in one go.

    Args:
        limit: Bytes of a text; None where there is no limit.
        takes_content: Whether content may pass.
        drops_content: Whether content is left out; else it is masked, so that as many attributes remain.
    """

    def __init__(self, limit: int | None, *, takes_content: bool, drops_content: bool = True) -> None:
        self._limit = limit
        self._fast_limit = 65_536 if limit is None else limit
        self._takes_content = takes_content
        self._drops_content = drops_content
        self._kinds: dict[str, _Key] = {}
        self._plain_keys: set[str] = set()
        self._clean_texts: set[str] = set()

    def clean(self, attributes: dict[str, Any], tally: Tally) -> dict[str, Any]:
        """Cleans attributes.

        Args:
            attributes: Names and values; not modified.
            tally: Counts what was cut.

        Returns:
            The same object when nothing had to change.

        Raises:
            Exception: What a value of a type of its own raises.
        """
        if not self._plain_keys.issuperset(attributes):
            return self._cleaned(attributes, tally)
        known = self._clean_texts
        unknown = []
        for value in attributes.values():
            kind = type(value)
            if kind is str:
                if value not in known:
                    unknown.append(value)
            elif kind not in _HARMLESS_TYPES:
                return self._cleaned(attributes, tally)
        return attributes if not unknown or self._are_clean(unknown) else self._cleaned(attributes, tally)

    def text(self, text: str, tally: Tally, *, keeps_end: bool = False) -> str:
        """Cleans one text.

        Args:
            text: The text.
            tally: Counts what was cut.
            keeps_end: Whether the end stays when it is cut, instead of the beginning.

        Returns:
            The same object when nothing had to change.
        """
        cleaned = redact(text)
        limit = self._limit
        if cleaned.isascii() and (limit is None or len(cleaned) <= limit):
            return cleaned
        data = cleaned.encode("utf-8", "replace")  # half a surrogate pair is nothing that can be exported
        if limit is not None and len(data) > limit:
            tally.truncated += 1
            data = data[-limit:] if keeps_end else data[:limit]
        cleaned = data.decode("utf-8", "ignore")
        return text if cleaned == text else cleaned

    def value(self, value: object, tally: Tally, depth: int = 0, *, keeps_end: bool = False) -> object:
        """Cleans a value, with what is inside it.

        Args:
            value: Anything that was recorded.
            tally: Counts what was cut.
            depth: How many containers it lies in.
            keeps_end: As for `text`.

        Returns:
            The same object when nothing had to change.

        Raises:
            Exception: What a value of a type of its own raises.
        """
        if type(value) in _HARMLESS_TYPES:
            return value
        if isinstance(value, str):
            return self.text(str.__str__(value), tally, keeps_end=keeps_end)
        if isinstance(value, bytes | bytearray):
            return self._bytes(bytes(value), tally)
        if depth >= _DEEPEST:  # only what contains itself is so deep
            return MASK
        if isinstance(value, Mapping):
            inner = {key if isinstance(key, str) else str(key): item for key, item in value.items()}
            cleaned = self._cleaned(inner, tally, depth + 1)
            return value if cleaned is inner else cleaned
        if isinstance(value, Sequence | Set):
            items = [self.value(item, tally, depth + 1) for item in value]
            is_same = all(new is old for new, old in zip(items, value, strict=True))
            return value if is_same else tuple(items)
        try:
            text = str(value)  # what exporters make of any other object
        except Exception:  # noqa: BLE001 - its own method may raise anything, and would in an exporter
            return printable(value)
        return value if redact(text) is text else redact(text)

    def _are_clean(self, texts: list[str]) -> bool:
        joined = "\n".join(texts)
        if len(joined) > self._fast_limit or not joined.isascii() or may_hold_secret(joined):
            return False
        if len(self._clean_texts) > _REMEMBERED:
            self._clean_texts = set()
        for text in texts:
            if len(text) <= _LONGEST_REMEMBERED:
                self._clean_texts.add(text)
        return True

    def _cleaned(self, attributes: dict[str, Any], tally: Tally, depth: int = 0) -> dict[str, Any]:
        out: dict[str, Any] = {}
        is_changed = False
        for key, value in attributes.items():
            kind = self._kinds.get(key) or self._learn(key)
            name, cleaned = key, value
            if kind is _Key.CONTENT or (kind is _Key.MARKED and _is_marked(key, attributes)):
                if self._drops_content:
                    is_changed = True
                    continue
                cleaned = MASK
            elif kind is _Key.SECRET or kind is _Key.SECRET_TEXT:
                cleaned = _masked(value, is_number_secret=kind is _Key.SECRET)
            else:
                if kind is _Key.TELLING:
                    name = redact(key)
                cleaned = self.value(value, tally, depth, keeps_end=key == EXCEPTION_STACKTRACE)
            is_changed = is_changed or cleaned is not value or name is not key
            out[name] = cleaned
        return out if is_changed else attributes

    def _bytes(self, value: bytes, tally: Tally) -> bytes:
        cleaned = redact(value.decode("latin-1")).encode("latin-1")
        if self._limit is not None and len(cleaned) > self._limit:
            tally.truncated += 1
            cleaned = cleaned[: self._limit]
        return value if cleaned == value else cleaned

    def _learn(self, key: str) -> _Key:
        if len(self._kinds) > _REMEMBERED:
            self._kinds = {}
            self._plain_keys = set()
        kind = self._kinds[key] = self._kind(key)
        if kind is _Key.PLAIN:
            self._plain_keys.add(key)
        return kind

    def _kind(self, key: str) -> _Key:
        if not self._takes_content:
            if key in CONTENT or (key.startswith(CONTENT_PREFIXES) and not key.endswith(CONTENT_FRAME)):
                return _Key.CONTENT
            if key in _MARKED:
                return _Key.MARKED
        if is_secret_key(key):
            return _Key.SECRET if is_secret_number(key) else _Key.SECRET_TEXT
        return _Key.TELLING if redact(key) is not key else _Key.PLAIN


def _is_marked(key: str, attributes: Iterable[str]) -> bool:
    return any(key in names and mark in attributes for mark, names in CONTENT_BY_MARK.items())


def _masked(value: object, *, is_number_secret: bool) -> object:
    """The value of a secret's name; whether there is one may be told."""
    if value is None or isinstance(value, bool) or value == "":
        return value
    if isinstance(value, int | float) and not is_number_secret:
        return value
    return value if value == MASK else MASK
