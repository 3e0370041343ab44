# SPDX-License-Identifier: Apache-2.0
"""What a program might hand to a record call: every type, and objects whose own methods raise."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

__all__ = ["Given", "anything", "errors", "hostile"]

_METHODS = (
    "__str__",
    "__repr__",
    "__hash__",
    "__eq__",
    "__bool__",
    "__len__",
    "__iter__",
    "__getattr__",
    "__index__",
    "__float__",
    "__format__",
    "__call__",
    "__getitem__",
    "__lt__",
    "__fspath__",
)


def _refuse(*_arguments: object, **_named: object) -> Any:
    raise RuntimeError("hostile")


def hostile(base: type = object, *methods: str) -> Any:
    """An instance of a class below `base` whose methods raise; all of them by default."""
    body: dict[str, Any] = dict.fromkeys(methods or _METHODS, _refuse)
    if not methods:
        body["__class__"] = property(_refuse)
    return type(f"Hostile{base.__name__.title()}", (base,), body)()


class _OddKind(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("hostile kind")

    def __hash__(cls) -> int:
        raise RuntimeError("hostile kind")


class _Odd(metaclass=_OddKind):
    pass


def _cycle() -> list[Any]:
    cycle: list[Any] = [1]
    cycle.append({"again": cycle})
    return cycle


def _deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    return deep


class _HostileMapping(dict[str, object]):
    items = keys = values = __iter__ = _refuse


_BASES = (object, str, int, float, dict, list, BaseException, Exception, KeyError, ExceptionGroup)

_ODD: list[Any] = [
    *(hostile(base) if base is not ExceptionGroup else _Odd() for base in _BASES),
    *(hostile(object, method) for method in _METHODS if method != "__getattr__"),
    hostile(Exception, "__str__"),
    hostile(Exception, "__str__", "__repr__", "__hash__", "__eq__"),
    _HostileMapping(k=1),
    _Odd(),
    _Odd,
    _cycle(),
    _deep(),
    object(),
    object,
    len,
    Decimal("1.5"),
    Decimal("NaN"),
    Fraction(1, 3),
    math.nan,
    math.inf,
    2**70,
    -(2**70),
    10**5000,
    b"\xff\x00",
    bytearray(b"x"),
    memoryview(b"x"),
    "\ud800",
    "\x00",
    "",
    "ä" * 10_000,
    frozenset({1}),
    range(3),
    (value for value in [1]),
    1j,
    NotImplemented,
    ...,
]
# By number: Hypothesis itself would ask such objects for their hash.
_odd = st.integers(0, len(_ODD) - 1).map(_ODD.__getitem__)

_anything = st.one_of(
    _odd,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.binary(max_size=8),
    st.lists(st.one_of(_odd, st.integers(), st.text(max_size=3)), max_size=4),
    st.dictionaries(st.one_of(st.text(max_size=3), st.integers(), st.none()), _odd, max_size=3),
)

_errors = st.one_of(
    _anything,
    st.integers(0, 3).map(
        [
            ValueError("plain"),
            ExceptionGroup("many", [ValueError("one"), hostile(Exception, "__str__")]),
            KeyError(hostile(object)),
            UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate"),
        ].__getitem__
    ),
)


class Given:
    """A value in a box: Hypothesis would show it, compare it and look into it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<a {type.__dict__['__name__'].__get__(type(self.value))}>"


anything = _anything.map(Given)
errors = _errors.map(Given)
