# SPDX-License-Identifier: Apache-2.0
"""One request as a file: what its name says and what its bytes are."""

from __future__ import annotations

import re
import zlib
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, cast

from telemetry.config.exporters import SIGNALS
from telemetry.spool.request import Request

if TYPE_CHECKING:
    from telemetry.config.exporters import Signal

__all__ = [
    "HEADER_SIZE",
    "DamagedError",
    "StoredFile",
    "decode",
    "encode",
    "is_writer",
    "probable_writer",
    "stored_size",
    "writer_name",
]

# Like PNG's: a byte above 127, a carriage return and newlines show what a text-mode transfer broke.
_MAGIC = b"\x89KTS\r\n\n\0"
_VERSION = 1
# Magic, version, signal, reserved, records, length of the body, batch id, CRC-32 of all the rest.
_FIELDS = Struct(">8sBBHII32s")
_CRC = Struct(">I")
HEADER_SIZE = _FIELDS.size + _CRC.size
"""Bytes before the body."""

_WRITER = re.compile(r"\d{10}-[0-9a-f]{8}", re.ASCII)
_NAME = re.compile(
    r"(\d{20})-(\d{10}-[0-9a-f]{8})-(\d{10})-(\d{10})-(\d{10})\.(metrics|traces|logs)", re.ASCII
)


class DamagedError(Exception):
    """A file that is not what was written; the message says what is wrong."""


class StoredFile(NamedTuple):
    """A file of the spool, by its name alone: sorts by time, then by writer, then by sequence.

    Attributes:
        name: The file's name, of fixed width, so that names sort as their numbers do.
        time_ns: When the request was made (Unix nanoseconds); never decreases within a writer.
        writer: The writing process; its lock is `<writer>.lock`.
        sequence: Counts the writer's requests.
        records: Records in it.
        size: Bytes of the file.
        signal: Whose records.
    """

    name: str
    time_ns: int
    writer: str
    sequence: int
    records: int
    size: int
    signal: Signal

    @classmethod
    def of(
        cls, time_ns: int, writer: str, sequence: int, records: int, size: int, signal: Signal
    ) -> StoredFile:
        """Names a new file."""
        name = f"{time_ns:020d}-{writer}-{sequence:010d}-{records:010d}-{size:010d}.{signal}"
        return cls(name, time_ns, writer, sequence, records, size, signal)

    @classmethod
    def parse(cls, name: str) -> StoredFile | None:
        """Reads a name; None for one that this module did not make."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        time_ns, writer, sequence, records, size, signal = match.groups()
        return cls(name, int(time_ns), writer, int(sequence), int(records), int(size), cast("Signal", signal))


def writer_name(pid: int, nonce: str) -> str:
    """Names a writing process.

    Args:
        pid: Its number.
        nonce: 8 hex digits that tell it from others with that number.
    """
    return f"{pid:010d}-{nonce}"


def probable_writer(name: str) -> str:
    """Cuts out where a file's name has its writer, at a fraction of the cost of `StoredFile.parse`."""
    return name[21:40]


def is_writer(text: str) -> bool:
    """Whether that can be the name of a writer."""
    return _WRITER.fullmatch(text) is not None


def stored_size(request: Request) -> int:
    """Returns the size of the file of a request."""
    return HEADER_SIZE + len(request.body)


def encode(request: Request) -> bytes:
    """Writes a request as the bytes of its file."""
    fields = _FIELDS.pack(
        _MAGIC,
        _VERSION,
        SIGNALS.index(request.signal),
        0,
        request.records,
        len(request.body),
        request.batch_id.encode("ascii", "replace"),
    )
    return b"".join((fields, _CRC.pack(zlib.crc32(request.body, zlib.crc32(fields))), request.body))


def decode(data: bytes, file: StoredFile) -> Request:
    """Reads a request back.

    Args:
        data: The bytes of the file.
        file: What its name says.

    Raises:
        DamagedError: A byte is not what was written, or the file is not that of its name.
    """
    if len(data) != file.size or len(data) < HEADER_SIZE:
        raise DamagedError(f"{len(data)} bytes instead of {file.size}")
    magic, version, signal, _, records, length, batch_id = _FIELDS.unpack_from(data)
    if magic != _MAGIC:
        raise DamagedError("not a spool file: it does not begin as one")
    if version != _VERSION:
        raise DamagedError(f"written by another release: format {version} instead of {_VERSION}")
    body = data[HEADER_SIZE:]
    (crc,) = _CRC.unpack_from(data, _FIELDS.size)
    if crc != zlib.crc32(body, zlib.crc32(data[: _FIELDS.size])):
        raise DamagedError("wrong CRC-32")
    if (signal, records, length) != (SIGNALS.index(file.signal), file.records, len(body)):
        raise DamagedError("its header and its name disagree")
    return Request(file.signal, records, body, batch_id.rstrip(b"\0").decode("ascii"), file.time_ns)
