# SPDX-License-Identifier: Apache-2.0
"""google.rpc.RetryInfo out of its encoded form, without protobuf.

Three messages of two fields each: https://github.com/googleapis/googleapis/tree/master/google/rpc
(status.proto, error_details.proto), https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["of_retry_info", "of_status"]

_TYPE = b"/google.rpc.RetryInfo"


def of_status(data: bytes) -> float | None:
    """The pause in seconds inside an encoded google.rpc.Status; None when it holds none.

    Raises:
        ValueError: `data` is no encoded message.
    """
    for number, detail in _fields(data):
        if number == 3 and isinstance(detail, bytes):
            fields = dict(_fields(detail))
            kind, value = fields.get(1), fields.get(2, b"")
            if isinstance(kind, bytes) and kind.endswith(_TYPE) and isinstance(value, bytes):
                return of_retry_info(value)
    return None


def of_retry_info(data: bytes) -> float | None:
    """The pause in seconds inside an encoded google.rpc.RetryInfo; None when it holds none.

    Raises:
        ValueError: `data` is no encoded message.
    """
    delay = dict(_fields(data)).get(1)
    if not isinstance(delay, bytes):
        return None
    fields = dict(_fields(delay))
    seconds, nanos = fields.get(1, 0), fields.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        return None
    return max(0.0, _signed(seconds) + _signed(nanos) / 1e9)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield key >> 3, value
            continue
        if kind == 2:
            length, position = _varint(data, position)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type: {kind} is not one of 0, 1, 2, 5; the message is damaged.")
        if position + length > len(data):
            raise ValueError(f"length: {length} bytes are more than the message has left; it is damaged.")
        yield key >> 3, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + index + 1
    raise ValueError("varint: it does not end within ten bytes; the message is damaged.")
