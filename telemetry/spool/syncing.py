# SPDX-License-Identifier: Apache-2.0
"""When files are forced onto the disk, so that they outlive the machine's power."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.spool.directory import Directory

__all__ = ["Fsync", "Syncer"]

Fsync = Literal["off", "interval", "always"]
_INTERVAL_S = 1.0


class Syncer:
    """Forces files onto the disk: never, at most once a second, or each one.

    Files outlive the process in any case; this is about the machine. Under `interval` whoever puts
    or peeks next after a second waits for it; what was delivered by then costs nothing.

    Args:
        policy: Which of the three.
        monotonic: The clock.
    """

    def __init__(self, policy: Fsync, monotonic: Callable[[], float]) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._names: deque[str] = deque()
        self._due_at: float | None = None

    def wrote(self, name: str, directory: Directory) -> None:
        """Notes a new file; waits for it under `always`."""
        if self._policy == "off":
            return
        self._names.append(name)
        if self._policy == "always":
            self.sync(directory)
        elif self._due_at is None:
            self._due_at = self._monotonic() + _INTERVAL_S

    def sync_if_due(self, directory: Directory) -> None:
        """Forces what was written onto the disk when a second has passed since the first of it."""
        if self._due_at is not None and self._monotonic() >= self._due_at:
            self.sync(directory)

    def sync(self, directory: Directory) -> None:
        """Forces everything that was written onto the disk.

        Raises:
            OSError: The disk did not take it.
        """
        self._due_at = None
        if not self._names:
            return
        for _ in range(len(self._names)):
            try:
                name = self._names.popleft()
            except IndexError:  # another thread took it
                break
            directory.sync(name)
        directory.sync_names()
