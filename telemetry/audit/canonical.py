# SPDX-License-Identifier: Apache-2.0
"""The one text of a row: what is hashed, and what stands in the file."""

from __future__ import annotations

from json import JSONEncoder
from typing import Any

__all__ = ["canonical"]

# Sorted and compact, as Hydra's writer has it; ASCII, so that the text is the same in every encoding.
_encode = JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def canonical(row: dict[str, Any]) -> bytes:
    """Returns a row as canonical JSON, without a newline.

    Raises:
        ValueError: It holds NaN, an infinity or itself.
        TypeError: It holds something that JSON has no text for, or keys of several types.
    """
    return _encode(row).encode("ascii")
