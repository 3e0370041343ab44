# SPDX-License-Identifier: Apache-2.0
"""The sealed head of a file: how far the file goes, signed, in a small file beside it.

A chain alone does not show that its last rows are missing or that its last row was edited. The head does:
it counts the rows and holds the hash of the last one. It is rewritten in place with every row, in one write
of fixed length, so that a writer that dies leaves the old head or the new one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.audit.canonical import canonical
from telemetry.audit.errors import AuditError

if TYPE_CHECKING:
    from telemetry.audit.keys import Key, KeyRing

__all__ = ["HEAD_BYTES", "Head", "HeadError", "decode_head", "encode_head", "head_path", "read_head"]

SUFFIX = ".seal"
HEAD_BYTES = 1024
"""Length of the file: one write of less than a page, so that a process that dies never leaves half of it."""


class HeadError(AuditError):
    """A sealed head is missing, damaged or not signed with a known key."""


class Head(NamedTuple):
    """How far a file goes.

    Attributes:
        rows: Rows in the file.
        size: Bytes of the file.
        seq: Number of the last row in the trail; 0 before the first one.
        last_hash: What the next row has as `prev_hash`.
        started: When the file was begun (Unix seconds); decides about rotation by age.
        continues: Name of the file before this one; empty for the first file of a trail.
        closed_as: Name that the file got when it was full; empty while it is written to.
    """

    rows: int
    size: int
    seq: int
    last_hash: str
    started: int = 0
    continues: str = ""
    closed_as: str = ""


def head_path(log: Path) -> Path:
    """Returns where the head of a log file is kept."""
    return log.with_name(log.name + SUFFIX)


def encode_head(head: Head, key: Key) -> bytes:
    """Returns the signed head, `HEAD_BYTES` long."""
    members: dict[str, Any] = {**head._asdict(), "key_id": key.key_id, "version": 1}
    members["hmac"] = key.sign(canonical(members))
    return canonical(members).ljust(HEAD_BYTES - 1) + b"\n"


def decode_head(data: bytes, keys: KeyRing) -> Head:
    """Reads a head and proves it.

    Raises:
        HeadError: It is damaged, or not signed with one of the keys.
    """
    try:
        members = json.loads(data)
        claimed = members.pop("hmac")
        key = keys.find(members["key_id"])
        head = Head(*(members[name] for name in Head._fields))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise HeadError("the sealed head is damaged") from None
    if key is None:
        raise HeadError(
            f"the sealed head was signed with key {members['key_id']!r}, which is not among the given ones"
        )
    if claimed != key.sign(canonical(members)) or data != encode_head(head, key):
        raise HeadError("the sealed head was changed: its hmac does not fit")
    return head


def read_head(log: Path, keys: KeyRing) -> Head | None:
    """Reads the head beside a log file; None where there is none.

    Raises:
        HeadError: It is damaged, or not signed with one of the keys.
        OSError: It cannot be read.
    """
    try:
        descriptor = os.open(head_path(log), os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    try:
        return decode_head(os.read(descriptor, HEAD_BYTES + 1), keys)
    finally:
        os.close(descriptor)
