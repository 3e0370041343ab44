# SPDX-License-Identifier: Apache-2.0
"""A wall clock that a test can set while the program runs: libfaketime of Debian's package `faketime`."""

from __future__ import annotations

from pathlib import Path

from support.debian import program


class FakeClock:
    """The clock of the programs that get `environment`.

    Args:
        folder: Where the file is that holds the offset.
    """

    def __init__(self, folder: Path) -> None:
        program("faketime", "faketime")
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        self._file = folder / "offset"
        self.set_back(0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # without a cache the file is read at every look at the clock
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_back(self, seconds: int) -> None:
        """Sets the clock back by so much against the true time; the program sees it within a second."""
        new = self._file.with_suffix(".new")
        new.write_text(f"-{seconds}\n" if seconds else "+0\n")
        new.replace(self._file)
