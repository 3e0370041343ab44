# SPDX-License-Identifier: Apache-2.0
"""The bytes and the name of one file of the spool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.spools import request

from telemetry.spool.request import Request
from telemetry.spool.stored import (
    HEADER_SIZE,
    DamagedError,
    StoredFile,
    decode,
    encode,
    is_writer,
    probable_writer,
    stored_size,
    writer_name,
)

FILE = StoredFile.of(
    1_790_000_000_123_456_789, writer_name(4711, "0badcafe"), 12, 3, HEADER_SIZE + 4, "traces"
)


def test_a_name_says_everything_that_counting_needs():
    assert FILE.name == "01790000000123456789-0000004711-0badcafe-0000000012-0000000003-0000000060.traces"
    assert StoredFile.parse(FILE.name) == FILE
    assert FILE.writer == probable_writer(FILE.name) == "0000004711-0badcafe"
    assert is_writer(FILE.writer)


def test_names_sort_by_time_and_then_by_sequence():
    later = StoredFile.of(FILE.time_ns + 1, writer_name(1, "0badcafe"), 0, 3, 60, "traces")
    second = StoredFile.of(FILE.time_ns, FILE.writer, 100, 3, 60, "traces")
    names = [later.name, second.name, FILE.name]
    assert sorted(names) == [file.name for file in sorted([later, second, FILE])]
    assert sorted(names) == [FILE.name, second.name, later.name]


@pytest.mark.parametrize(
    "name",
    ["", "limits.lock", FILE.name + ".tmp", FILE.name + ".json", FILE.name[1:], f"{FILE.name}\n", "x.logs",
     FILE.name.replace("0badcafe", "0BADCAFE"), FILE.name.replace("traces", "profiles"),
     FILE.name.replace("4711", "471²")],
)  # fmt: skip
def test_other_names_are_not_taken_for_ours(name):
    assert StoredFile.parse(name) is None


@given(
    st.sampled_from(["metrics", "traces", "logs"]),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=300),
    st.integers(0, 16**32 - 1),
)
def test_what_is_written_is_read(signal, records, body, batch):
    written = Request(signal, records, body, f"{batch:032x}", 5)
    file = StoredFile.of(5, writer_name(1, "00000000"), 1, records, stored_size(written), signal)
    assert decode(encode(written), file) == written


def test_every_changed_byte_is_noticed():
    written = request(b"a body", signal="traces")
    data = encode(written)
    file = FILE._replace(records=1, size=len(data))
    assert decode(data, file).body == b"a body"
    for position in range(len(data)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= change
            with pytest.raises(DamagedError):
                decode(bytes(damaged), file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "65 bytes instead of 66"),
        (lambda data: data + b"x", "67 bytes instead of 66"),
        (lambda data: b"PK" + data[2:], "not a spool file"),
        (lambda data: data[:8] + b"\x02" + data[9:], "written by another release: format 2 instead of 1"),
        (lambda data: data[:-1] + b"?", "wrong CRC-32"),
    ],
)
def test_the_damage_is_named(change, message):
    data = encode(request(b"0123456789", signal="traces"))
    with pytest.raises(DamagedError, match=message):
        decode(change(data), FILE._replace(records=1, size=len(data)))


@pytest.mark.parametrize("change", [{"records": 2}, {"signal": "logs"}])
def test_a_file_under_a_false_name_is_noticed(change):
    data = encode(request(b"0123456789", signal="traces"))
    file = FILE._replace(records=1, size=len(data))
    with pytest.raises(DamagedError, match="its header and its name disagree"):
        decode(data, file._replace(**change))


def test_a_file_shorter_than_a_header_is_noticed():
    with pytest.raises(DamagedError, match="5 bytes instead of 5"):
        decode(b"short", FILE._replace(size=5))
