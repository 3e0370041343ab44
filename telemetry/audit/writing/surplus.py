# SPDX-License-Identifier: Apache-2.0
"""Rows behind the sealed head: a writer died after the row and before the head."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.audit.canonical import canonical
from telemetry.audit.chain import KEY_ID, PREV_HASH, SEQ, is_sealed, row_hash
from telemetry.audit.errors import AuditError
from telemetry.audit.lines import MAX_LINE_BYTES, parse

if TYPE_CHECKING:
    from telemetry.audit.head import Head
    from telemetry.audit.keys import Key, KeyRing

__all__ = ["Surplus", "adopt"]

_MOST_BYTES = 4 * MAX_LINE_BYTES  # one row is what a death leaves; a loss of power some more


class Surplus(NamedTuple):
    """What stands behind the head.

    Attributes:
        head: The head that takes in every complete row.
        torn_bytes: Length of a row that was begun and not finished; 0 when there is none.
    """

    head: Head
    torn_bytes: int


def adopt(log: int, head: Head, keys: KeyRing) -> Surplus:
    """Reads what stands behind a head and proves it.

    Args:
        log: Descriptor of the file.
        head: Its head.
        keys: The keys.

    Raises:
        AuditError: The file is shorter than its head says, or something behind the head is no row of ours.
    """
    size = os.fstat(log).st_size
    if size < head.size:
        raise AuditError(
            f"the audit file has {size} bytes, but its sealed head says {head.size}: its end was cut off. "
            "Run `kairos audit verify`; to begin a new trail, move all files of this one away"
        )
    if size - head.size > _MOST_BYTES:
        raise AuditError(
            f"{size - head.size} bytes stand behind the sealed head of the audit file: somebody else "
            "wrote them. "
            "Run `kairos audit verify`"
        )
    lines = _read(log, head.size, size - head.size).split(b"\n")
    torn = lines.pop()
    for line in lines:
        row = parse(line)
        key = None if isinstance(row, str) else _proving_key(row, line, head, keys)
        if key is None:
            raise AuditError(
                f"row {head.rows + 1} of the audit file stands behind the sealed head and is not signed "
                "by this "
                "trail's key: somebody else wrote it. Run `kairos audit verify`"
            )
        head = head._replace(
            rows=head.rows + 1,
            size=head.size + len(line) + 1,
            seq=head.seq + 1,
            last_hash=row_hash(line, key),
        )
    return Surplus(head, len(torn))


def _read(log: int, offset: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.pread(log, length, offset)):
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return b"".join(parts)


def _proving_key(row: dict[str, Any], line: bytes, head: Head, keys: KeyRing) -> Key | None:
    key = keys.find(row.get(KEY_ID)) if KEY_ID in row else None
    if key is None or not is_sealed(row, key) or canonical(row) != line:
        return None
    return key if row.get(PREV_HASH) == head.last_hash and row.get(SEQ) == head.seq + 1 else None
