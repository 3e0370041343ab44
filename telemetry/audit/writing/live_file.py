# SPDX-License-Identifier: Apache-2.0
"""The file of a trail that is written to, with its sealed head; used under the trail's lock only."""

from __future__ import annotations

import os
import stat
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from telemetry.audit.chain import GENESIS, TRAIL_ID, link, row_hash
from telemetry.audit.errors import AuditError
from telemetry.audit.files import archived_files, archived_name
from telemetry.audit.head import HEAD_BYTES, Head, HeadError, encode_head, head_path, put_head, read_head
from telemetry.audit.lines import MAX_LINE_BYTES
from telemetry.audit.plurals import plural
from telemetry.audit.writing.plain import utc
from telemetry.audit.writing.surplus import adopt

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.audit.keys import KeyRing

__all__ = ["LiveFile"]

_FLAGS: Final = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_SYNC_EVERY_S: Final = 1.0
_FARTHEST: Final = 10**18  # more rows and bytes than a trail will have


class LiveFile:
    """Appends rows, keeps the head, begins new files. Another process may have done so in between.

    What a process that dies between two steps leaves behind is finished by the next one that writes:

    - a row behind the head is taken in when it is complete and ours; half a row is removed, and a row
      `audit.recovered` says so;
    - a head that says `closed_as` is a rotation that was not finished.

    Args:
        path: The file.
        keys: The keys; the first one signs.
        max_bytes: Size at which a new file is begun; 0: never.
        max_age_s: Age at which a new file is begun; 0: never.
        fsync: `off`, `interval` or `always`.

    Raises:
        AuditError: The name of the file is too long.
    """

    def __init__(self, path: Path, keys: KeyRing, max_bytes: int, max_age_s: float, fsync: str) -> None:
        self._path, self._seal_path = path, head_path(path)
        self._keys = keys
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._fsync = fsync
        self._log = self._seal = -1
        self._identities: tuple[tuple[int, int], ...] = ()
        self._head = Head(0, 0, 0, GENESIS)
        self._head_bytes = b""
        self._synced_at = 0.0
        name = archived_name(path, 0, _FARTHEST)
        encode_head(Head(_FARTHEST, _FARTHEST, _FARTHEST, "=" * 44, _FARTHEST, name, name), keys.signing)

    def append(self, row: dict[str, Any], now_ns: int) -> None:
        """Appends a row.

        Raises:
            OSError: It could not be written; the file is as before.
            AuditError: The file was changed from outside, or the row is too long.
        """
        self.recover(now_ns)
        if self._is_full(now_ns):
            self.rotate(now_ns)
        self._append(row)

    def rotate(self, now_ns: int) -> None:
        """Gives the file its final name and begins a new one, unless it is empty.

        Raises:
            OSError: A file could not be renamed; the next append goes on from there.
            AuditError: The file was changed from outside.
        """
        self.recover(now_ns)
        if not self._head.rows:
            return
        first = self._head.seq - self._head.rows + 1
        self._write_head(self._head._replace(closed_as=archived_name(self._path, now_ns, first)))
        if self._fsync != "off":
            os.fsync(self._log)
            os.fsync(self._seal)
        self._finish_rotation(self._head, now_ns)

    def recover(self, now_ns: int) -> None:
        """Makes the head current, also after another process wrote, or died while it did.

        Raises:
            OSError: The files cannot be opened.
            AuditError: They were changed from outside.
        """
        if self._is_current():
            return
        self._close_files()
        try:
            head = read_head(self._path, self._keys)
        except HeadError as error:
            raise AuditError(
                f"{str(self._seal_path)!r}: {error}. Run `kairos audit verify`; to begin a new "
                "trail, move all "
                "files of this one away"
            ) from error
        if head is None:
            self._begin_trail(now_ns)
        elif head.seq < self._head.seq:
            raise AuditError(
                f"{str(self._path)!r} ends at row {head.seq}, but this process has seen row "
                f"{self._head.seq}: it was put "
                "back to an earlier state. Run `kairos audit verify`"
            )
        elif head.closed_as:
            self._finish_rotation(head, now_ns)
        else:
            self._resume(head, now_ns)

    def close(self) -> None:
        """Forces what was written onto the disk and closes the files."""
        try:
            if self._log >= 0 and self._fsync != "off":
                os.fsync(self._log)
        finally:
            self._close_files()

    # -- beginning and going on ------------------------------------------------------------

    def _is_current(self) -> bool:
        """Whether nobody wrote since this object did; the usual case, in three system calls."""
        if self._log < 0 or self._seal < 0 or os.pread(self._seal, HEAD_BYTES, 0) != self._head_bytes:
            return False
        try:
            log, seal = self._path.stat(), self._seal_path.stat()
        except FileNotFoundError:
            return False
        return log.st_size == self._head.size and (_identity(log), _identity(seal)) == self._identities

    def _begin_trail(self, now_ns: int) -> None:
        seal = self._seal_path.name
        if self._path.exists() and self._path.stat().st_size:
            raise AuditError(
                f"{str(self._path)!r} has rows but no sealed head ({seal}): it is not a trail of this "
                "writer, or its "
                "head was removed. Write to another file, or put the head back"
            )
        if self._head.seq or archived_files(self._path):
            raise AuditError(
                f"{str(self._path)!r} and its sealed head ({seal}) were removed, but the trail has "
                "earlier rows. Put "
                "them back; to begin a new trail, move all files of this one away"
            )
        self._begin(Head(0, 0, 0, GENESIS, now_ns // 1_000_000_000))

    def _begin(self, head: Head) -> None:
        """Begins a file; its head first, so that one that is missing is always one that was removed."""
        put_head(self._path, encode_head(head, self._keys.signing), is_synced=self._fsync != "off")
        if self._fsync != "off":
            _sync_directory(self._path.parent)
        self._open(head)

    def _resume(self, head: Head, now_ns: int) -> None:
        if head.rows and not self._path.exists():
            raise AuditError(
                f"{str(self._path)!r} was removed or renamed, but its sealed head says that it has "
                f"{head.rows} {plural(head.rows, 'row')}; "
                "put it back, or move all files of the trail away to begin a new one. Rotate with "
                "max_bytes or "
                "max_age_s, not with another program"
            )
        self._open(head)
        surplus = adopt(self._log, head, self._keys)
        if surplus.head != head:
            self._write_head(surplus.head)
        if surplus.torn_bytes:  # a row that its writer could not finish is no row, but it is worth a trace
            os.ftruncate(self._log, surplus.head.size)
            self._append({"event": "audit.recovered", "ts": utc(now_ns), "torn_bytes": surplus.torn_bytes})

    def _open(self, head: Head) -> None:
        log = os.open(self._path, _FLAGS | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            there = self._regular(log)
            seal = os.open(self._seal_path, _FLAGS)
        except BaseException:
            os.close(log)
            raise
        self._identities = (_identity(there), _identity(os.fstat(seal)))
        self._head, self._head_bytes = head, os.pread(seal, HEAD_BYTES, 0)
        self._log, self._seal = log, seal

    def _regular(self, log: int) -> os.stat_result:
        there = os.fstat(log)
        if not stat.S_ISREG(there.st_mode):
            raise AuditError(f"{str(self._path)!r} is no regular file; an audit trail needs one")
        return there

    def _finish_rotation(self, head: Head, now_ns: int) -> None:
        """Takes the steps of a rotation that are still to be taken; each leaves a state that says so."""
        self._close_files()
        closed = self._path.with_name(head.closed_as)
        if self._path.exists():
            if closed.exists():
                raise AuditError(
                    f"{str(self._path)!r} is to become {closed.name}, which exists: somebody copied or "
                    "renamed files of "
                    "the trail. Run `kairos audit verify`"
                )
            self._path.rename(closed)
        is_synced = self._fsync != "off"
        put_head(closed, encode_head(head, self._keys.signing), is_synced=is_synced)
        self._begin(Head(0, 0, head.seq, head.last_hash, now_ns // 1_000_000_000, closed.name))

    def _close_files(self) -> None:
        descriptors = (self._log, self._seal)
        self._log = self._seal = -1  # first: a fork in between must find no closed numbers here
        for descriptor in descriptors:
            if descriptor >= 0:
                os.close(descriptor)

    # -- writing ---------------------------------------------------------------------------

    def _is_full(self, now_ns: int) -> bool:
        head = self._head
        if not head.rows:
            return False
        age_s = now_ns / 1e9 - head.started
        return bool(
            (self._max_bytes and head.size >= self._max_bytes)
            or (self._max_age_s and age_s >= self._max_age_s)
        )

    def _append(self, row: dict[str, Any]) -> None:
        head, key = self._head, self._keys.signing
        if not head.seq:
            row = {**row, TRAIL_ID: uuid.uuid4().hex}
        elif not head.rows:
            row = {**row, "continues": head.continues}
        line = link(row, head.last_hash, head.seq + 1, key)
        if len(line) >= MAX_LINE_BYTES:
            raise AuditError(
                f"a row of {len(line)} bytes: allowed are {MAX_LINE_BYTES - 1}; shorten its values"
            )
        try:
            self._write(line + b"\n")
            self._sync()  # before the head, which must not reach the disk without the row that it counts
            self._write_head(
                head._replace(
                    rows=head.rows + 1,
                    size=head.size + len(line) + 1,
                    seq=head.seq + 1,
                    last_hash=row_hash(line, key),
                )
            )
        except OSError:
            os.ftruncate(self._log, head.size)  # the caller is told that there is no such row
            raise

    def _write(self, line: bytes) -> None:
        written = 0
        while written < len(line):
            written += os.write(self._log, line[written:])

    def _write_head(self, head: Head) -> None:
        data = encode_head(head, self._keys.signing)
        if os.pwrite(self._seal, data, 0) != len(data):
            raise OSError(28, "No space left on device", str(self._seal_path))
        self._head, self._head_bytes = head, data

    def _sync(self) -> None:
        if self._fsync == "off":
            return
        now = time.monotonic()
        if self._fsync == "always" or now - self._synced_at >= _SYNC_EVERY_S:
            os.fsync(self._log)
            self._synced_at = now


def _identity(there: os.stat_result) -> tuple[int, int]:
    return there.st_dev, there.st_ino


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
