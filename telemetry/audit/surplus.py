# SPDX-License-Identifier: Apache-2.0
"""Rows behind the sealed head: a writer died after the row and before the head."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from telemetry.audit.chain import HMAC, KEY_ID, PREV_HASH, SEQ, row_hash, seal_of_row
from telemetry.audit.errors import AuditError
from telemetry.audit.head import Head
from telemetry.audit.keys import Key, KeyRing

__all__ = ["Surplus", "adopt"]


class Surplus(NamedTuple):
    """What stands behind the head.

    Attributes:
        head: The head that takes in every complete row.
        torn_at: Offset of a row that was begun and not finished; None when there is none.
    """

    head: Head
    torn_at: int | None


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
            "Run `kairos audit verify`; to begin a new trail, move the files away"
        )
    rest = os.pread(log, size - head.size, head.size)
    lines = rest.split(b"\n")
    torn = lines.pop()
    for line in lines:
        key = _proving_key(line, head, keys)
        if key is None:
            raise AuditError(
                f"row {head.rows + 1} of the audit file stands behind the sealed head and is not signed by this "
                "trail's key: somebody else wrote it. Run `kairos audit verify`"
            )
        head = head._replace(
            rows=head.rows + 1,
            size=head.size + len(line) + 1,
            seq=head.seq + 1,
            last_hash=row_hash(line, key),
        )
    return Surplus(head, head.size if torn else None)


def _proving_key(line: bytes, head: Head, keys: KeyRing) -> Key | None:
    try:
        row = json.loads(line)
        key = keys.find(row[KEY_ID])
        is_next = row[PREV_HASH] == head.last_hash and row[SEQ] == head.seq + 1
        return key if key is not None and is_next and row[HMAC] == seal_of_row(row, key) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
