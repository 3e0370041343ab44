# SPDX-License-Identifier: Apache-2.0
"""`AuditTrail`: appends rows that prove each other, from any number of threads and processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from telemetry.audit.errors import AuditError
from telemetry.audit.files import lock_path
from telemetry.audit.keys import Key, KeyRing
from telemetry.audit.masking import mask_row
from telemetry.audit.writing.live_file import LiveFile
from telemetry.audit.writing.locking import FileLock, Turn
from telemetry.audit.writing.plain import plain_row, utc

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = ["AuditTrail"]

_RESERVED = frozenset({"prev_hash", "hmac", "seq", "key_id", "continues", "trail_id"})
Fsync = Literal["off", "interval", "always"]


class AuditTrail:
    """An audit log whose rows are chained, signed and counted. Thread-safe, process-safe, fork-safe.

    One row is one JSON object on one line. Every row carries the hash of the one before (`prev_hash`), its
    number in the trail (`seq`) and its own signature (`hmac`); beside each file stands a signed head
    (`<file>.seal`) that says how far the file goes. `kairos audit verify` proves all of it.

    Args:
        path: The file that is written to. When it is full it is renamed to
            `<stem>-<UTC time>-<number of its first row><suffix>` and a new one is begun.
        key: The secret, a `Key` or a `KeyRing`. Default: `KAIROS_AUDIT_KEY`, `KAIROS_AUDIT_KEY_FILE` or
            `KAIROS_AUDIT_KEYS`.
        max_bytes: Size at which a new file is begun; 0: never because of its size.
        max_age_s: Age in seconds at which a new file is begun; 0: never because of its age.
        fsync: When rows are forced onto the disk: `off` (the operating system decides), `interval` (at most
            once a second, by whoever appends next) or `always`. Default: `interval`.
        now_ns: The wall clock (Unix nanoseconds).

    Raises:
        KeyMaterialError: There is no usable key.
        ValueError: A setting is out of range.
        AuditError: The file cannot be written, or it was tampered with so that appending would hide it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        key: KeyRing | Key | bytes | str | None = None,
        *,
        max_bytes: int = 64 * 1024 * 1024,
        max_age_s: float = 0.0,
        fsync: Fsync = "interval",
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        if fsync not in ("off", "interval", "always"):
            raise ValueError(f"fsync={fsync!r} is not known; allowed: 'off', 'interval', 'always'")
        for name, value in (("max_bytes", max_bytes), ("max_age_s", max_age_s)):
            if not value >= 0:
                raise ValueError(f"{name}={value!r}: allowed are numbers from 0 upwards; 0 means never")
        self.path = Path(path).absolute()  # the process may change its directory later
        self._now_ns = now_ns
        self._lock = FileLock(lock_path(self.path))
        self._file = LiveFile(self.path, KeyRing.of(key), max_bytes, max_age_s, fsync)
        try:
            with self._lock:
                self._file.recover(self._now_ns())
        except OSError as error:
            raise AuditError(
                f"the audit trail {str(self.path)!r} cannot be written: {error.strerror}; "
                "allowed: a file, not a symbolic link, in an existing directory that this process may write"
            ) from error

    def append(self, event: str, /, **fields: Any) -> None:
        """Appends a row.

        Fields as in the table of docs/audit.md: `agent_id`, `session_id`, `tool`, `duration_ms`, `bytes_in`,
        `bytes_out`, `dest_host`, `policy_outcome` (`allowed`, `blocked`, `warn`), `error_type`, `severity`,
        `target`, `trace_id`, `span_id`, and any other. Credentials are masked. `ts` is now, in UTC,
        unless it is given. Values that JSON cannot carry become their text.

        May be called from a signal handler; when that interrupted an append, the row is written right
        after the interrupted one.

        Args:
            event: What happened, such as `tool_use`.
            **fields: The row's other members; None leaves one out.

        Raises:
            AuditError: The row could not be written: a trail that misses rows must not go unnoticed.
            ValueError: There is no event, or a field has the name of a member that the trail itself writes.
        """
        if not isinstance(event, str) or not event:
            raise ValueError(f"event={event!r}: allowed is a text that is not empty, such as 'tool_use'")
        taken = _RESERVED & fields.keys()
        if taken:
            raise ValueError(
                f"{', '.join(sorted(taken))}: the trail writes these members itself; use other names"
            )
        now_ns = self._now_ns()
        if fields.get("ts") is None:
            fields["ts"] = utc(now_ns)
        row = mask_row(plain_row({**fields, "event": event}))
        self._do(lambda: self._file.append(row, now_ns))

    def append_row(self, row: Mapping[str, Any]) -> None:
        """Appends a row given as a mapping, such as another log's; see `append`.

        Raises:
            AuditError: The row could not be written.
            ValueError: It has no `event`, or a member that the trail itself writes.
        """
        fields = {str(name): value for name, value in row.items()}
        self.append(fields.pop("event", ""), **fields)

    def rotate(self) -> None:
        """Closes the present file and begins a new one, unless it is empty.

        Raises:
            AuditError: The files could not be renamed.
        """
        self._do(lambda: self._file.rotate(self._now_ns()))

    def close(self) -> None:
        """Forces what was written onto the disk and closes the files; a later append opens them again.

        Raises:
            AuditError: It could not be forced onto the disk.
        """
        self._do(self._close)

    def __enter__(self) -> AuditTrail:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _do(self, action: Callable[[], None]) -> None:
        """Does something under the lock, and what signal handlers asked for meanwhile."""
        errors: list[AuditError] = []
        with self._lock as turn:
            turn.deferred.append(action)
            if turn.depth > 1:  # an action of this very thread was interrupted: it does this one afterwards
                return
            self._do_all(turn, errors)
        while turn.deferred:  # a signal came between the last look and the end of the lock
            with self._lock as turn:
                self._do_all(turn, errors)
        if errors:
            raise errors[0]

    def _do_all(self, turn: Turn, errors: list[AuditError]) -> None:
        while turn.deferred:
            try:
                turn.deferred.popleft()()
            except AuditError as error:
                errors.append(error)
            except OSError as error:
                failed = AuditError(
                    f"the audit trail {str(self.path)!r} could not be written: {error.strerror}"
                )
                failed.__cause__ = error
                errors.append(failed)

    def _close(self) -> None:
        try:
            self._file.close()
        finally:
            self._lock.release_file()
