# SPDX-License-Identifier: Apache-2.0
"""Secrets taken out of rows, before they are written and again before they are exported.

Rules of this package's own, because it imports nothing else: credentials by their shape, and members whose
name says that they hold one.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["MASK", "mask_row", "mask_text"]

MASK = "***"
_MAX_DEPTH = 16

_SHAPES = re.compile(
    r"""
      \b(?P<keep_prefix>sk-(?:ant-|proj-)?|xox[abprs]-|gh[opsur]_|github_pat_|glpat-|rk_live_|sk_live_|pk_live_)
        [A-Za-z0-9_\-]{8,}
    | \bAKIA[0-9A-Z]{16}\b
    | \bAIza[0-9A-Za-z_\-]{35}
    | \beyJ[A-Za-z0-9_\-]{8,1000}\.[A-Za-z0-9_\-]{8,16000}\.[A-Za-z0-9_\-]*  # bounded: no quadratic search
    | (?P<keep_bearer>\bBearer\s+)[A-Za-z0-9_\-.+/=~]{8,}
    | (?P<keep_scheme>\b(?:Basic|Token)\s+)(?=\S{0,255}?(?-i:[0-9=+/]|[a-z][A-Z]))  # no word of prose
        [A-Za-z0-9_\-.+/=~]{8,}
    | (?P<keep_url>\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@]{0,256}:)[^\s/@]{1,256}(?=@)
    | -----BEGIN\ [A-Z ]{0,40}PRIVATE\ KEY-----[A-Za-z0-9+/=\s]*(?:-----END\ [A-Z ]{0,40}PRIVATE\ KEY-----)?
    | (?P<keep_name>\b(?:password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret)
        ["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"',;&]{4,}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MAY_HOLD = re.compile(
    r"sk-|xox|gh[opsur]_|github_pat|glpat|_live_|AKIA|AIza|eyJ|bearer|basic|token|://|PRIVATE|passw|secret|api",
    re.I,
)
_SECRET_NAMES = re.compile(
    r"(?:passwords?|passwd|passphrase|secrets?|(?:api|private|access|secret)[_\-]?keys?|authorization|cookies?"
    r"|credentials?)$|(?:access|auth|refresh|id|session|bearer|api|csrf)[_\-]?tokens?$|^token$",
    re.IGNORECASE,
)


def mask_text(text: str) -> str:
    """Returns a text without the credentials in it; ordinary text is returned as it is."""
    if _MAY_HOLD.search(text) is None:
        return text
    return _SHAPES.sub(_masked, text)


def mask_row(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row without the credentials in it; the same object when there are none."""
    masked = _mask(row, 0)
    return masked if isinstance(masked, dict) else row


def _masked(found: re.Match[str]) -> str:
    kept = next((text for text in found.groupdict().values() if text), "")
    return kept + MASK


def _mask(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if depth > _MAX_DEPTH:
        return MASK if isinstance(value, dict | list) else value
    if isinstance(value, dict):
        changed = {
            name: MASK if _is_secret(name, inner) else _mask(inner, depth + 1)
            for name, inner in value.items()
        }
        return changed if any(changed[name] is not value[name] for name in value) else value
    if isinstance(value, list):
        items = [_mask(item, depth + 1) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _is_secret(name: str, value: Any) -> bool:
    if not value or isinstance(value, bool):  # `has_password: true` tells none
        return False
    return _SECRET_NAMES.search(name) is not None
