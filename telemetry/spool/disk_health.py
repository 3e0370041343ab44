# SPDX-License-Identifier: Apache-2.0
"""Whether the disk takes what is written, and what is said when that changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["DiskHealth"]

_RETRY_EVERY_S = 1.0
_QUIET_S = 60.0
_logger = logging.getLogger("telemetry")


class DiskHealth:
    """Remembers failures, so that a broken disk is tried once a second and reported once.

    Args:
        folder: What people are told about.
        monotonic: The clock.
    """

    def __init__(self, folder: Path, monotonic: Callable[[], float]) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._retry_at: float | None = None
        self._quiet_until: float | None = None
        self._is_reported = False

    @property
    def is_well(self) -> bool:
        """Whether the last thing that was tried worked."""
        return self._retry_at is None

    @property
    def is_due(self) -> bool:
        """Whether the disk is to be used now: it works, or it is time to try again."""
        return self._retry_at is None or self._monotonic() >= self._retry_at

    def failed(self, error: OSError) -> None:
        """Notes that the disk did not do what was asked; says so unless a change was told just now."""
        now = self._monotonic()
        was_well = self.is_well
        self._retry_at = now + _RETRY_EVERY_S
        # A disk that is full every other second would fill the log: its changes are told once a minute.
        if was_well and (self._quiet_until is None or now >= self._quiet_until):
            self._quiet_until = now + _QUIET_S
            self._is_reported = True
            _logger.warning(
                "spool_dir: %s cannot be used: %s. Telemetry waits in memory (queue_max_bytes for each "
                "signal) until it works again; free some space, let this user and nobody else write there, "
                "or set KAIROS_TELEMETRY_SPOOL_DIR to another folder.",
                self._folder,
                error.strerror or error,
            )

    def worked(self) -> None:
        """Notes that the disk works; says so when its failure was told."""
        if self._retry_at is None:
            return
        self._retry_at = None
        if self._is_reported:
            self._is_reported = False
            _logger.info("spool_dir: %s works again.", self._folder)
