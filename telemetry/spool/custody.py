# SPDX-License-Identifier: Apache-2.0
"""What the queues and the keeper of their files say to each other."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.spool.limits import Usage
    from telemetry.spool.queue import OnDrop
    from telemetry.spool.stored import StoredFile

__all__ = ["Clocks", "Custodian", "Fate", "Limit", "Owner"]


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


class Clocks(NamedTuple):
    """Where time and chance come from.

    Attributes:
        now_ns: The wall clock (Unix nanoseconds).
        monotonic: The monotonic clock (seconds).
        new_nonce: Makes 8 hex digits.
    """

    now_ns: Callable[[], int]
    monotonic: Callable[[], float]
    new_nonce: Callable[[], str]


class Limit(NamedTuple):
    """What may wait in a folder, and for how long.

    Attributes:
        usage: Files and bytes.
        max_age_s: Seconds.
    """

    usage: Usage
    max_age_s: float


class Custodian(Protocol):
    """A queue, as far as making room concerns it."""

    on_drop: OnDrop

    def surrender(self, file: StoredFile) -> Owner:
        """Forgets a file that is about to be removed, unless it is being sent."""
