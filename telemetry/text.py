# SPDX-License-Identifier: Apache-2.0
"""Text that every exporter can carry: valid UTF-8 of bounded length."""

from __future__ import annotations

__all__ = ["clip"]


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
