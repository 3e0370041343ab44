# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from _thread import RLock
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes

from telemetry.pipeline.guarded.span_attributes import SpanAttributes

TEXTS = st.text("ab\u00e9", max_size=6)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS)


class Text(str):
    __slots__ = ()


class Unknown:
    """Nothing that an attribute can hold."""


VALUES = st.one_of(
    PLAIN,
    st.binary(max_size=3),
    st.lists(PLAIN, max_size=3),
    st.lists(TEXTS, max_size=3).map(tuple),
    st.dictionaries(TEXTS, PLAIN, max_size=2),
    TEXTS.map(Text),
    st.builds(Unknown),
)
KEYS = st.one_of(TEXTS, TEXTS.map(Text), st.integers(0, 2))
CALLS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=4)
LIMITS = st.one_of(st.none(), st.integers(0, 5))


@given(calls=CALLS, maxlen=LIMITS, max_value_len=LIMITS, is_proxy=st.booleans())
def test_they_hold_what_the_sdks_hold(calls, maxlen, max_value_len, is_proxy):
    ours = SpanAttributes(maxlen, max_value_len, RLock())
    theirs = BoundedAttributes(maxlen, immutable=False, max_value_len=max_value_len)

    for attributes in calls:
        for each in (ours, theirs):
            each._set_items(MappingProxyType(attributes) if is_proxy else attributes)

    assert list(ours.items()) == list(theirs.items())
    assert [type(value) for value in ours.values()] == [type(value) for value in theirs.values()]
    assert ours.dropped == theirs.dropped


def test_they_are_made_of_the_same_parts():
    assert vars(SpanAttributes(None, None, RLock())).keys() == vars(BoundedAttributes()).keys()


def test_a_list_that_changes_afterwards_changes_nothing():
    attributes, given_list = SpanAttributes(None, None, RLock()), ["a"]
    attributes._set_items({"key": given_list})
    given_list.append("b")
    assert attributes["key"] == ("a",)


def test_ended_ones_refuse_more():
    attributes = SpanAttributes(None, None, RLock())
    attributes._immutable = True
    with pytest.raises(TypeError, match="immutable"):
        attributes._set_items({"key": "value"})
    assert len(attributes) == 0


def test_a_mapping_of_somebodys_making_is_read_by_the_sdk():
    class Odd(dict):
        def items(self):
            return [("own", "method")]

    ours, theirs = SpanAttributes(None, None, RLock()), BoundedAttributes(immutable=False)
    for each in (ours, theirs):
        each._set_items(Odd(given="value"))
    assert dict(ours) == dict(theirs) == {"own": "method"}
