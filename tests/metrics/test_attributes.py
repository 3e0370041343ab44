# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.metrics.attributes import clean_attributes, series_key


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (True, True),
        (1, 1),
        (1.5, 1.5),
        (Colour.RED, "red"),
        (2**70, str(2**70)),
        ([1, 2], "[1, 2]"),
        (Unprintable(), "<unprintable Unprintable>"),
    ],
)
def test_values_become_what_every_exporter_can_carry(value, expected):
    cleaned = clean_attributes({"key": value}, 100)["key"]

    assert cleaned == expected
    assert type(cleaned) is type(expected)


def test_none_is_left_out():
    assert clean_attributes({"a": None, "b": 1}, 100) == {"b": 1}


def test_keys_become_text():
    assert clean_attributes({1: "one", Unprintable(): 2}, 100) == {"1": "one", "<unprintable Unprintable>": 2}


@pytest.mark.parametrize("attributes", [None, {}, 5, "text", object()])
def test_what_is_no_mapping_has_no_attributes(attributes):
    assert clean_attributes(attributes, 100) == {}


def test_long_text_is_cut_to_the_limit_in_bytes():
    assert clean_attributes({"key": "ä" * 10}, 5) == {"key": "ää"}


labels = st.dictionaries(
    st.text(max_size=3), st.one_of(st.booleans(), st.integers(0, 3), st.text(max_size=2))
)


@given(labels)
def test_the_order_of_attributes_does_not_matter(attributes):
    reversed_ = dict(reversed(list(attributes.items())))

    assert series_key(attributes) == series_key(reversed_)


@given(labels, labels)
def test_different_attributes_are_different_series(one, other):
    typed_one = {key: (type(value), value) for key, value in one.items()}
    typed_other = {key: (type(value), value) for key, value in other.items()}

    assert (series_key(one) == series_key(other)) == (typed_one == typed_other)


def test_true_one_and_one_point_zero_differ():
    assert len({series_key({"key": value}) for value in (True, 1, 1.0, "1")}) == 4
