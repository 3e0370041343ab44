# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.metrics.numbers import amount_of, number_of


class Level(IntEnum):
    HIGH = 3


class Lying(int):
    """An int whose own methods raise; what it is underneath is still a number."""

    def __index__(self) -> int:
        raise RuntimeError("no index")

    def __ge__(self, other: object) -> bool:
        raise RuntimeError("no order")


class Scalar:
    """As numpy's scalars are: no int or float, but with their protocols."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


class Whole:
    def __index__(self) -> int:
        return 7


class Broken:
    def __float__(self) -> float:
        raise RuntimeError("no number")


class OddKind(type):
    def __getattribute__(cls, name: str) -> object:
        raise RuntimeError("no attributes")


class Odd(metaclass=OddKind):
    pass


@pytest.mark.parametrize(
    ("given_", "number"),
    [
        (1, 1),
        (1.5, 1.5),
        (True, 1),
        (Level.HIGH, 3),
        (Lying(4), 4),
        (Scalar(2.5), 2.5),
        (Whole(), 7),
        (Fraction(1, 4), 0.25),
        (Decimal("0.5"), 0.5),
        (2**63 - 1, 2**63 - 1),
        (2**63, 2.0**63),
    ],
)
def test_a_number_of_any_kind_becomes_a_plain_one(given_, number):
    found = number_of(given_)

    assert found == number
    assert type(found) is type(int(number) if isinstance(number, bool) else number)


@pytest.mark.parametrize(
    "given_",
    [
        None,
        "5",
        b"5",
        1j,
        [],
        object(),
        math.nan,
        math.inf,
        -math.inf,
        10**400,
        Scalar(math.nan),
        Broken(),
        Odd(),
    ],
)
def test_what_is_no_finite_number_is_none(given_):
    assert number_of(given_) is None


@pytest.mark.parametrize("given_", [-1, -0.5, Scalar(-1.0)])
def test_an_amount_is_not_negative(given_):
    assert number_of(given_) is not None
    assert amount_of(given_) is None


@given(st.one_of(st.integers(-(2**70), 2**70), st.floats()))
def test_plain_numbers_are_judged_as_the_naive_way_does(value):
    is_number = math.isfinite(value)

    assert (number_of(value) is not None) == is_number
    assert (amount_of(value) is not None) == (is_number and value >= 0)
    assert number_of(value) in ((value, float(value)) if is_number else (None,))
