# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import math
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._internal import _encode_value

from telemetry.logs.values import describe, extra_fields, message, plain, text


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("repr")

    __str__ = __repr__


class HostileList(list[int]):
    def __iter__(self) -> Any:
        raise RuntimeError("iter")


class Colour(IntEnum):
    RED = 1


class Kind(StrEnum):
    TOOL = "tool"


@pytest.mark.parametrize("value", ["text", "ñandú", True, False, None, 0, -(2**63), 2**63 - 1, 1.5])
def test_what_json_and_otlp_can_carry_stays(value):
    assert plain(value) == value
    assert type(plain(value)) is type(value)


def test_enums_become_their_plain_value():
    assert (type(plain(Colour.RED)), plain(Colour.RED)) == (int, 1)
    assert (type(plain(Kind.TOOL)), plain(Kind.TOOL)) == (str, "tool")


@pytest.mark.parametrize("value", [{1}, 2**63, -(2**63) - 1, math.inf, b"bytes", 1 + 2j, object])
def test_what_they_cannot_carry_becomes_its_repr(value):
    assert plain(value) == repr(value)


def test_an_integer_too_long_for_a_repr_is_named():
    assert plain(10**5000) == "<unprintable int: repr raised ValueError>"


def test_containers_are_copied_with_text_keys():
    value = {"list": [1, (2, {3})], 4: MappingProxyType({"five": None})}

    assert plain(value) == {"list": [1, [2, "{3}"]], "4": {"five": None}}


def test_a_container_in_itself_ends_in_its_repr():
    value: list[object] = []
    value.append(value)

    assert json.dumps(plain(value)).count("[[...]]") == 1


def test_lone_surrogates_are_escaped():
    assert text("a\ud800é") == "a\\ud800é"


def test_objects_that_raise_are_named():
    assert describe(Hostile()) == "<unprintable Hostile: repr raised RuntimeError>"
    assert plain(HostileList([1])) == "<unreadable HostileList: RuntimeError>"
    assert plain({Hostile: Hostile()}) == {
        repr(Hostile): "<unprintable Hostile: repr raised RuntimeError>",
    }


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.builds(Hostile),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=20,
)


@given(anything)
def test_every_plain_value_is_json_and_otlp(value):
    result = plain(value)

    assert json.loads(json.dumps(result, allow_nan=False)) == result
    _encode_value(result).SerializeToString()


def test_a_message_whose_arguments_do_not_fit_is_shown_with_them():
    record = logging.makeLogRecord({"msg": "%d files", "args": ("two",)})

    assert message(record) == (
        "'%d files' with arguments ('two',) (the message could not be formatted: TypeError)"
    )


def test_extra_fields_are_the_callers_only():
    record = logging.makeLogRecord({"msg": "m", "user": {"id": 1}, "trace_id": "t", "service_name": "s"})

    assert extra_fields(record) == {"user": {"id": 1}}
