# SPDX-License-Identifier: Apache-2.0
"""`AuditTrail`: appends rows that prove each other, from any number of threads and processes."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from telemetry.audit.errors import AuditError
from telemetry.audit.keys import Key, KeyRing
from telemetry.audit.live_file import LiveFile
from telemetry.audit.locking import FileLock
from telemetry.audit.masking import mask_row
from telemetry.audit.plain import plain_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["AuditTrail"]

_RESERVED = frozenset({"prev_hash", "hmac", "seq", "key_id", "continues"})
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
            raise AuditError(f"fsync={fsync!r} is not known; allowed: 'off', 'interval', 'always'")
        self.path = Path(path).absolute()  # the process may change its directory later
        self._now_ns = now_ns
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        self._file = LiveFile(self.path, KeyRing.of(key), max_bytes, max_age_s, fsync)
        self._deferred: deque[dict[str, Any]] = deque()
        try:
            with self._lock:
                self._file.recover(self._now_ns())
        except OSError as error:
            raise AuditError(
                f"the audit trail {str(self.path)!r} cannot be written: {error.strerror}; "
                "allowed: a file in an existing directory that this process may write"
            ) from error

    def append(self, event: str, /, **fields: Any) -> None:
        """Appends a row.

        Fields as in the table of docs/audit.md: `agent_id`, `session_id`, `tool`, `duration_ms`, `bytes_in`,
        `bytes_out`, `dest_host`, `policy_outcome` (`allowed`, `blocked`, `warn`), `error_type`, `severity`,
        `target`, `trace_id`, `span_id`, and any other. Credentials are masked. `ts` is now, in UTC,
        unless it is given. Values that JSON cannot carry become their text.

        Args:
            event: What happened, such as `tool_use`.
            **fields: The row's other members; None leaves one out.

        Raises:
            AuditError: The row could not be written: a trail that misses rows must not go unnoticed.
            ValueError: A field has the name of a member that the trail itself writes.
        """
        taken = _RESERVED & fields.keys()
        if taken:
            raise ValueError(
                f"{', '.join(sorted(taken))}: the trail writes these members itself; use other names"
            )
        self._write(mask_row(plain_row({"ts": self._now(), **fields, "event": event})))

    def append_row(self, row: Mapping[str, Any]) -> None:
        """Appends a row given as a mapping, such as another log's; see `append`.

        Raises:
            AuditError: The row could not be written.
            ValueError: It has no `event`, or a member that the trail itself writes.
        """
        fields = {str(name): value for name, value in row.items()}
        event = fields.pop("event", None)
        if not event:
            raise ValueError("a row needs an event")
        self.append(str(event), **fields)

    def rotate(self) -> None:
        """Closes the present file and begins a new one.

        Raises:
            AuditError: The files could not be renamed.
        """
        with self._lock, _as_audit_error(self.path):
            self._file.rotate(self._now_ns())

    def close(self) -> None:
        """Forces what was written onto the disk and closes the files."""
        with self._lock, _as_audit_error(self.path):
            self._file.close()
        self._lock.close()

    def __enter__(self) -> AuditTrail:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, row: dict[str, Any]) -> None:
        self._deferred.append(row)
        while self._deferred:
            with self._lock as depth, _as_audit_error(self.path):
                if depth > 1:  # this interrupted an append of its own thread, which writes the row afterwards
                    return
                while self._deferred:
                    self._file.append(self._deferred.popleft(), self._now_ns())

    def _now(self) -> str:
        seconds, nanos = divmod(self._now_ns(), 1_000_000_000)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos // 1000:06d}Z"


class _as_audit_error:  # noqa: N801 - reads as the statement that it is part of
    """Turns the system's errors into ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            raise AuditError(
                f"the audit trail {str(self._path)!r} could not be written: {error.strerror}"
            ) from error
