# SPDX-License-Identifier: Apache-2.0
"""A log that goes on: through rotation, truncation, lines half written, and before it exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.audit.lines import read_row
from telemetry.audit.reading.log_files import Chunk, Identity, LogFile, TruncatedError, identity_of
from telemetry.audit.reading.rotation import settled_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry.audit.exporting.summary import Summary
    from telemetry.audit.reading.positions import Position
    from telemetry.audit.reading.stopping import Stop

__all__ = ["Log"]


class Log:
    """Reads a log from its oldest file, or from a place on, and then what is appended.

    Args:
        live: The file that is written to.
        position: Where an earlier run stopped; None: at the beginning of the oldest file.
        summary: Is told what happened to the log.
    """

    def __init__(self, live: Path, position: Position | None, summary: Summary) -> None:
        self._live = live
        self._resume = position
        self._summary = summary
        self._file: LogFile | None = None
        self._older: set[Identity] = set()  # files that come before the present one
        self._is_begun = self._is_removed = False

    @property
    def exists(self) -> bool:
        """Whether there is anything to read."""
        return self._file is not None or bool(settled_files(self._live))

    def close(self) -> None:
        """Closes the file that is being read."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def available(self, stop: Stop, most: int | None = None) -> Iterator[Chunk]:
        """Gives complete lines until there are no more now.

        Args:
            stop: Ends it early.
            most: Most chunks at once.

        Raises:
            OSError: A file cannot be read.
        """
        given = 0
        while not stop.is_set() and (most is None or given < most):
            file = self._file or self._open_first()
            if file is None:
                return
            try:
                chunk = file.read()
            except TruncatedError:
                self._was_truncated(file)
                continue
            if chunk is None:
                chunk = self._go_on(file)
                if chunk is None and self._file is file:
                    return
            if chunk is not None:
                given += 1
                yield chunk

    def unfinished(self) -> Chunk | None:
        """Returns the last line where it lacks nothing but its newline; names it where it lacks more."""
        file = self._file
        rest = file.rest() if file is not None else b""
        if file is None or not rest.strip():
            return None
        if isinstance(read_row(rest), str):
            self._summary.skip(file.name, file.lines + 1, "is not complete yet")
            return None
        return file.take_rest(rest)

    # -- from file to file -----------------------------------------------------------------

    def _go_on(self, file: LogFile) -> Chunk | None:
        """Moves on to the next file, if there is one; returns what is left to read of the present one."""
        following = self._following(file)
        if following is None:
            return None
        # Whatever was appended before the renaming is there by now.
        try:
            chunk = file.read()
        except TruncatedError:
            chunk = None
        rest = file.rest() if chunk is None else b""
        if chunk is None and rest.strip():
            if isinstance(read_row(rest), str):
                self._summary.skip(file.name, file.lines + 1, "was never completed")
            else:
                chunk = file.take_rest(rest)
        if chunk is not None:
            following.close()
            return chunk
        if self._is_removed:
            self._summary.find(
                f"{file.name}: the file was removed while it was read; went on with {following.name}"
            )
        file.close()
        self._older.add(file.identity)
        self._file = following
        return None

    def _following(self, file: LogFile) -> LogFile | None:
        try:
            status = self._live.stat()
            if identity_of(status) == file.identity:
                return None
        except OSError:
            pass  # it is being renamed, or was removed
        listed = settled_files(self._live)
        identities = [identity for _, identity in listed]
        if file.identity in identities:
            at = identities.index(file.identity)
            self._older = set(identities[:at])
            candidates = listed[at + 1 :]
        else:
            candidates = [each for each in listed if each[1] not in self._older]
        self._is_removed = file.identity not in identities
        return self._first_with_rows(candidates)

    def _first_with_rows(self, candidates: list[tuple[Path, Identity]]) -> LogFile | None:
        for path, identity in candidates:
            try:
                if not path.stat().st_size:  # an empty one: its writer may still be busy with the one before
                    continue
                found = LogFile(path)
            except OSError:
                return None
            if found.identity == identity:
                return found
            found.close()  # renamed in between; the next look will tell
            return None
        return None

    # -- where to begin --------------------------------------------------------------------

    def _open_first(self) -> LogFile | None:
        listed = settled_files(self._live)
        position = self._resume
        if position is not None:
            if not listed:
                return None
            self._resume = None
            self._file = self._found_again(listed, position)
            if self._file is None:
                self._lost(listed, position)
                listed = [each for each in listed if _may_be_later(each[0], position)] or listed[-1:]
        elif not self._is_begun:
            listed = _own(listed, self._live)
        if self._file is None:
            self._file = self._first_with_rows([each for each in listed if each[1] not in self._older])
        if self._file is not None:
            self._is_begun = True
            identities = [identity for _, identity in listed]
            if self._file.identity in identities:
                self._older.update(identities[: identities.index(self._file.identity)])
        return self._file

    def _found_again(self, listed: list[tuple[Path, Identity]], position: Position) -> LogFile | None:
        same = (position.device, position.inode)
        for path, _ in sorted(listed, key=lambda each: each[1] != same):
            try:
                file = LogFile(path, position)
            except OSError:
                continue
            if file.holds(position):
                return file
            file.close()
        return None

    def _lost(self, listed: list[tuple[Path, Identity]], position: Position) -> None:
        if (position.device, position.inode) in [identity for _, identity in listed]:
            what = "was truncated or rewritten"
        else:
            what = "is not there any more"
        self._summary.find(
            f"{position.name}: the file {what} since it was read up to byte {position.offset} (row "
            f"{position.lines}); rows after that one may be missing. Went on with the files written to since"
        )

    def _was_truncated(self, file: LogFile) -> None:
        position = file.here()
        file.close()
        self._file = None
        others = [each for each in settled_files(self._live) if each[1] != file.identity]
        self._file = self._found_again(others, position)
        if self._file is not None:
            self._summary.find(
                f"{file.name}: the file was truncated after row {position.lines}; {self._file.name} is a "
                "copy of what it had, so reading goes on there"
            )
            return
        self._older = {identity for _, identity in others}
        self._summary.find(
            f"{file.name}: the file was truncated or rewritten after row {position.lines} (byte "
            f"{position.offset}); rows that were not read before may be missing"
        )


def _own(listed: list[tuple[Path, Identity]], live: Path) -> list[tuple[Path, Identity]]:
    """The files of our writer; of other logs, only the live one is read from its beginning."""
    return [each for each in listed if not each[0].name.startswith(live.name) or each[0] == live]


def _may_be_later(path: Path, position: Position) -> bool:
    try:
        return path.stat().st_mtime_ns >= position.modified_ns
    except OSError:
        return False
