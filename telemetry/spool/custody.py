# SPDX-License-Identifier: Apache-2.0
"""The words between a queue and the folder that keeps its files."""

from __future__ import annotations

from enum import Enum, auto

__all__ = ["Fate", "Owner"]


class Owner(Enum):
    """Whose a file is, as far as a queue knows."""

    OURS = auto()
    ADOPTED = auto()
    BUSY = auto()
    UNKNOWN = auto()


class Fate(Enum):
    """What became of a request that was to be written."""

    KEPT = auto()
    NO_ROOM = auto()
    FAILED = auto()
