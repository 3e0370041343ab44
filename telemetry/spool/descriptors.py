# SPDX-License-Identifier: Apache-2.0
"""Which file descriptors a spool has open, so that a forked child can close its copies."""

from __future__ import annotations

import contextlib
import os

__all__ = ["Descriptors"]


class Descriptors:
    """Descriptors that outlive a call. Python opens them close-on-exec, so `execv` frees what they lock."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, path: str, flags: int, *, dir_fd: int | None = None) -> int:
        """Opens a file with mode 0600 or a folder.

        Raises:
            OSError: The system did not open it.
        """
        descriptor = os.open(path, flags, 0o600, dir_fd=dir_fd)
        self._open.add(descriptor)
        return descriptor

    def close(self, descriptor: int) -> None:
        """Closes a descriptor; does nothing for one that is closed already."""
        if descriptor in self._open:
            self._open.discard(descriptor)
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def close_all(self) -> None:
        """Closes all: in a forked child this leaves the parent's locks as they are."""
        for descriptor in list(self._open):
            self.close(descriptor)
