# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.exporters.plain_values import attributes, rfc3339, value


class Level(IntEnum):
    HIGH = 2


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2**70, 2**70),
        (0.5, 0.5),
        ("text", "text"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (b"\x00\xff", "AP8="),
        (bytearray(b"x"), "eA=="),
        ((1, "a"), [1, "a"]),
        ({"k": {"n": [b"x"]}}, {"k": {"n": ["eA=="]}}),
        ({1: 2}, {"1": 2}),
        ({"only"}, ["only"]),
        (Level.HIGH, 2),
        (object, "<class 'object'>"),
        (Hostile(), "<unprintable Hostile>"),
        ({Hostile(): 1}, {"<unprintable Hostile>": 1}),
    ],
)
def test_every_value_becomes_one_that_json_holds(item, expected):
    assert value(item) == expected


def test_an_int_enum_is_written_as_its_number():
    assert json.dumps(value(Level.HIGH)) == "2"


def test_a_list_that_contains_itself_ends():
    endless: list[object] = []
    endless.append(endless)
    assert json.dumps(value(endless)).count("[") > 20


def test_no_attributes_are_an_empty_object():
    assert attributes(None) == {}


def test_a_time_keeps_its_nanoseconds():
    assert rfc3339(1_768_499_400_123_456_789) == "2026-01-15T17:50:00.123456789Z"


def test_no_time_is_none():
    assert rfc3339(None) is None


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999_999))
def test_a_time_reads_back_to_the_microsecond(unix_nano):
    text = rfc3339(unix_nano)
    assert text is not None
    back = datetime.fromisoformat(text[:26]).replace(tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    passed = back - epoch
    assert (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds == unix_nano // 1_000


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(_VALUES)
def test_whatever_it_is_json_takes_it(item):
    json.dumps(value(item), allow_nan=False)
