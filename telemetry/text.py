# SPDX-License-Identifier: Apache-2.0
"""Text that every exporter can carry: valid UTF-8 of bounded length, whatever it is made from."""

from __future__ import annotations

__all__ = ["clip", "clip_middle", "cut_stack", "plural", "printable", "type_name"]

_GAP = "\n[...]\n"
_name_of_type = type.__dict__["__name__"].__get__
"""The true name: a metaclass may answer for its classes, and raise."""


def clip(text: str, limit: int) -> str:
    """Returns `text` cut to at most `limit` bytes of UTF-8, never in the middle of a character.

    Lone surrogates, which no exporter can encode, become question marks.
    """
    if len(text) <= limit and text.isascii():
        return text
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode("utf-8")
    return encoded[:limit].decode("utf-8", "ignore")


def clip_middle(text: str, limit: int) -> str:
    """Returns `text` cut to at most `limit` bytes of UTF-8; what is too much goes from the middle.

    For stack traces: they say at their end what happened, and at their beginning where it came from.
    """
    if len(text) <= limit and text.isascii():
        return text
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode("utf-8")
    kept = limit - len(_GAP)
    if kept <= 0:
        return clip(text, limit)
    head, tail = encoded[: kept // 4], encoded[len(encoded) - (kept - kept // 4) :]
    return f"{head.decode('utf-8', 'ignore')}{_GAP}{tail.decode('utf-8', 'ignore')}"


def cut_stack(stack: str, limit: int) -> str:
    """Returns a stack trace without its middle if it is longer than `limit` bytes, else as it is.

    A cut one has `limit` + 1 bytes and begins with a newline: by what is too long the stage that cuts every
    value before it leaves, and counts what it cuts, sees that this one was cut as well.
    """
    if len(stack) <= limit and stack.isascii():
        return stack
    short = clip_middle(stack, limit)
    if len(stack) <= limit and len(stack.encode("utf-8", "replace")) <= limit:
        return short
    return "\n" * (limit + 1 - len(short.encode())) + short


def plural(count: int, one: str, many: str | None = None) -> str:
    """Returns the words for a number of things: `one`, or `many`, by default `one` with an s."""
    return one if count == 1 else many or f"{one}s"


def printable(value: object) -> str:
    """Returns the text of anything; what has none is named by its type instead. Never raises."""
    try:
        return str.__str__(value) if issubclass(type(value), str) else str(value)
    except Exception:  # noqa: BLE001 - a value's own methods may raise anything
        return f"<unprintable {type_name(value)}>"


def type_name(value: object) -> str:
    """Returns the name of a value's type. Never raises."""
    name: str = _name_of_type(type(value))
    return name
