# SPDX-License-Identifier: Apache-2.0
"""The nearest known name to a mistyped one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that a mistyped one probably means.

    Args:
        name: What was written.
        known: What could have been meant.

    Returns:
        The most similar known name, compared without regard to case; None when none is near.
    """
    import difflib  # only once something is wrong: start-up does not pay for it

    spelled = {candidate.lower(): candidate for candidate in known}
    # The longest setting has 23 characters; a pasted novel is not a typo and would take for ever.
    found = difflib.get_close_matches(name[:64].lower(), spelled, n=1, cutoff=0.7)
    return spelled[found[0]] if found else None
