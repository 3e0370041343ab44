# SPDX-License-Identifier: Apache-2.0
"""The file of a trail that is written to, with its sealed head; used under the trail's lock only."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

from telemetry.audit.chain import GENESIS, link, row_hash
from telemetry.audit.errors import AuditError
from telemetry.audit.files import archived_name, newest_archived
from telemetry.audit.head import HEAD_BYTES, Head, encode_head, head_path, read_head
from telemetry.audit.keys import KeyRing
from telemetry.audit.surplus import adopt

__all__ = ["LiveFile"]

_CLOSE_ON_EXEC: Final = getattr(os, "O_CLOEXEC", 0)
_LOG_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | _CLOSE_ON_EXEC
_HEAD_FLAGS: Final = os.O_RDWR | os.O_CREAT | _CLOSE_ON_EXEC
_SYNC_EVERY_S: Final = 1.0


class LiveFile:
    """Appends rows, keeps the head, begins new files. Another process may have done so in between.

    Args:
        path: The file.
        keys: The keys; the first one signs.
        max_bytes: Size at which a new file is begun; 0: never.
        max_age_s: Age at which a new file is begun; 0: never.
        fsync: `off`, `interval` or `always`.
    """

    def __init__(self, path: Path, keys: KeyRing, max_bytes: int, max_age_s: float, fsync: str) -> None:
        self._path = path
        self._keys = keys
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._fsync = fsync
        self._log = self._seal = -1
        self._head = Head(0, 0, 0, GENESIS)
        self._head_bytes = b""
        self._synced_at = 0.0

    def append(self, row: dict[str, Any], now_ns: int) -> None:
        """Appends a row.

        Raises:
            OSError: It could not be written; the file is as before.
            AuditError: The file was changed from outside.
        """
        self.recover(now_ns)
        if self._is_full(now_ns):
            self.rotate(now_ns)
        head, key = self._head, self._keys.signing
        if not head.rows and head.continues:
            row = {**row, "continues": head.continues}
        line = link(row, head.last_hash, head.seq + 1, key)
        self._write(line + b"\n")
        self._write_head(
            head._replace(
                rows=head.rows + 1,
                size=head.size + len(line) + 1,
                seq=head.seq + 1,
                last_hash=row_hash(line, key),
            )
        )
        self._sync()

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
        self._finish_rotation()
        self._begin(now_ns)

    def recover(self, now_ns: int) -> None:
        """Makes the head current, also after another process wrote, or died while it did.

        Raises:
            OSError: The files cannot be opened.
            AuditError: They were changed from outside.
        """
        if self._is_current():
            return
        self._close_files()
        head = read_head(self._path, self._keys)
        if head is not None and head.closed_as:
            self._head = head
            self._finish_rotation()
            head = None
        if head is None:
            self._begin(now_ns)
            return
        if not self._path.exists() and head.rows:
            raise AuditError(
                f"{str(self._path)!r} was removed or renamed, but its sealed head says that it has {head.rows} rows; "
                "put it back, or move the head away to begin a new trail"
            )
        self._open()
        self._head, self._head_bytes = head, os.pread(self._seal, HEAD_BYTES, 0)
        surplus = adopt(self._log, head, self._keys)
        if surplus.torn_at is not None:  # a row that its writer could not finish is no row
            os.ftruncate(self._log, surplus.torn_at)
        if surplus.head != head:
            self._write_head(surplus.head)

    def close(self) -> None:
        """Forces what was written onto the disk and closes the files."""
        if self._log >= 0 and self._fsync != "off":
            os.fsync(self._log)
        self._close_files()

    # -- private ---------------------------------------------------------------------------

    def _is_current(self) -> bool:
        """Whether nobody wrote since this object did; the usual case, in three system calls."""
        if self._log < 0 or os.pread(self._seal, HEAD_BYTES, 0) != self._head_bytes:
            return False
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        ours = os.fstat(self._log)
        return there.st_ino == ours.st_ino and there.st_dev == ours.st_dev and ours.st_size == self._head.size

    def _begin(self, now_ns: int) -> None:
        """Begins a file: the first of a trail, or the one after the newest that was closed."""
        if self._path.exists() and self._path.stat().st_size:
            raise AuditError(
                f"{str(self._path)!r} has rows but no sealed head ({head_path(self._path).name}): it is not a trail of "
                "this writer, or its head was removed. Write to another file, or put the head back"
            )
        seq, last_hash, continues = 0, GENESIS, ""
        before = newest_archived(self._path)
        if before is not None:
            head = read_head(before, self._keys)
            if head is None:
                raise AuditError(
                    f"{str(before)!r} has no sealed head, so nothing can be chained to it; put it back"
                )
            seq, last_hash, continues = head.seq, head.last_hash, before.name
        self._open()
        self._write_head(Head(0, 0, seq, last_hash, now_ns // 1_000_000_000, continues))

    def _finish_rotation(self) -> None:
        self._close_files()
        closed = self._path.with_name(self._head.closed_as)
        if self._path.exists():
            self._path.rename(closed)
        head_path(self._path).rename(head_path(closed))
        if self._fsync != "off":
            _sync_directory(self._path.parent)

    def _is_full(self, now_ns: int) -> bool:
        head = self._head
        if not head.rows:
            return False
        age_s = now_ns / 1e9 - head.started
        return bool(
            (self._max_bytes and head.size >= self._max_bytes)
            or (self._max_age_s and age_s >= self._max_age_s)
        )

    def _write(self, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                written += os.write(self._log, line[written:])
        except OSError:
            if written:  # a full disk took a part of it
                os.ftruncate(self._log, self._head.size)
            raise

    def _write_head(self, head: Head) -> None:
        data = encode_head(head, self._keys.signing)
        os.pwrite(self._seal, data, 0)
        self._head, self._head_bytes = head, data

    def _sync(self) -> None:
        if self._fsync == "off":
            return
        now = time.monotonic()
        if self._fsync == "always" or now - self._synced_at >= _SYNC_EVERY_S:
            os.fsync(self._log)
            self._synced_at = now

    def _open(self) -> None:
        self._log = os.open(self._path, _LOG_FLAGS, 0o600)
        self._seal = os.open(head_path(self._path), _HEAD_FLAGS, 0o600)

    def _close_files(self) -> None:
        for descriptor in (self._log, self._seal):
            if descriptor >= 0:
                os.close(descriptor)
        self._log = self._seal = -1


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
