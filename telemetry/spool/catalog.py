# SPDX-License-Identifier: Apache-2.0
"""What a listing of the folder says, read once for each name however often it is listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.spool.stored import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TEMPORARY_SUFFIX", "Catalog"]

TEMPORARY_SUFFIX = ".tmp"


class Catalog:
    """Files by name. A full folder is listed for every request: its names are mostly the same ones."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile | None] = {}

    def read(self, names: Iterable[str]) -> tuple[list[StoredFile], int, int]:
        """Reads a listing.

        Args:
            names: All names of the folder.

        Returns:
            The waiting requests, in no order; number and bytes of the files that count, which
            includes temporary ones.
        """
        known, self._files = self._files, {}
        waiting, files, total = [], 0, 0
        for name in names:
            file = known[name] if name in known else StoredFile.parse(name.removesuffix(TEMPORARY_SUFFIX))
            self._files[name] = file
            if file is not None:
                files += 1
                total += file.size
                if file.name == name:
                    waiting.append(file)
        return waiting, files, total
