# SPDX-License-Identifier: Apache-2.0
"""One row, two rows."""

from __future__ import annotations

__all__ = ["plural"]


def plural(count: int, one: str, many: str | None = None) -> str:
    """Returns the words for a number of things: `one`, or `many`, by default `one` with an s."""
    return one if count == 1 else many or f"{one}s"
