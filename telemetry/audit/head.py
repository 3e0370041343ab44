# SPDX-License-Identifier: Apache-2.0
"""The sealed head of a file: how far the file goes, signed, in a small file beside it.

A chain alone does not show that its last rows are missing or that its last row was edited. The head does:
it counts the rows and holds the hash of the last one. It is rewritten in place with every row, in one write
of fixed length, so that a writer that dies leaves the old head or the new one; the head of a new file is
written under another name first, so that there is never half of one.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.audit.canonical import canonical
from telemetry.audit.errors import AuditError

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.audit.keys import Key, KeyRing

__all__ = [
    "HEAD_BYTES",
    "Head",
    "HeadError",
    "decode_head",
    "encode_head",
    "head_path",
    "put_head",
    "read_head",
]

SUFFIX = ".seal"
HEAD_BYTES = 1024
"""Length of the file: one write of less than a page, so that a process that dies never leaves half of it."""
_DOMAIN = b"kairos audit head\n"  # so that no head can pass for a row: both are signed with one key
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


class HeadError(AuditError):
    """A sealed head is damaged or not signed with a known key, or cannot be made."""


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
    """Returns the signed head, `HEAD_BYTES` long.

    Raises:
        HeadError: The names in it are too long.
    """
    members: dict[str, Any] = {**head._asdict(), "key_id": key.key_id, "version": 1}
    members["hmac"] = key.sign(_DOMAIN + canonical(members))
    text = canonical(members)
    if len(text) >= HEAD_BYTES:
        raise HeadError(
            f"the sealed head would have {len(text)} bytes where {HEAD_BYTES - 1} are allowed: the name "
            "of the "
            "audit file or the id of its key is too long; choose a shorter one"
        )
    return text.ljust(HEAD_BYTES - 1) + b"\n"


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
        signed = _DOMAIN + canonical(members)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise HeadError("the sealed head is damaged") from None
    if key is None:
        raise HeadError(
            f"the sealed head was signed with key {members['key_id']!r}, which is not among the given ones"
        )
    if not key.proves(signed, claimed) or data != encode_head(head, key):
        raise HeadError("the sealed head was changed: its hmac does not fit")
    return head


def read_head(log: Path, keys: KeyRing) -> Head | None:
    """Reads the head beside a log file; None where there is none.

    Raises:
        HeadError: It is damaged, or not signed with one of the keys.
        OSError: It cannot be read.
    """
    try:
        descriptor = os.open(head_path(log), os.O_RDONLY | _CLOSE_ON_EXEC)
    except FileNotFoundError:
        return None
    try:
        data = os.read(descriptor, HEAD_BYTES + 1)
    finally:
        os.close(descriptor)
    return decode_head(data, keys)


def put_head(log: Path, data: bytes, *, is_synced: bool) -> None:
    """Makes an encoded head the one beside a log file, all of it or nothing.

    Raises:
        OSError: It could not be written; what was there is still there.
    """
    path = head_path(log)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)  # of a writer that died here
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOSE_ON_EXEC | _NO_FOLLOW
    descriptor = os.open(unfinished, flags, 0o600)
    try:
        written = os.write(descriptor, data)
        if is_synced:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if written != len(data):
        unfinished.unlink()
        raise OSError(28, "No space left on device", str(path))
    unfinished.replace(path)
