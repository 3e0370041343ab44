# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
import traceback

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.tracing.tracebacks import TracebackFormatter


class WithoutTextError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class OfMainError(Exception):
    pass


OfMainError.__module__ = "__main__"


class OfNowhereError(Exception):
    pass


OfNowhereError.__module__ = None  # type: ignore[assignment]  # hostile on purpose


def simple() -> None:
    raise ValueError("simple")


def silent() -> None:
    raise KeyError


def of_main() -> None:
    raise OfMainError("mine\nand a second line")


def of_nowhere() -> None:
    raise OfNowhereError("lost")


def without_text() -> None:
    raise WithoutTextError


def undefined_name() -> None:
    simpel()  # noqa: F821 - a NameError, for which traceback suggests the right one


def unknown_attribute() -> None:
    "text".uper()  # type: ignore[attr-defined]  # an AttributeError, likewise


def unknown_import() -> None:
    from traceback import format_exceptoin  # type: ignore[attr-defined]  # noqa: F401


def syntax_error() -> None:
    compile("x = = 1", "<typed>", "exec")


def multi_line() -> None:
    values = [1, 0]
    print(
        values[0] / values[1],
    )


def carets() -> None:
    values = {"a": {"b": None}}
    print(values["a"]["b"]["c"] + values["a"]["b"]["c"])


def without_source() -> None:
    exec(compile("def f():\n    raise ValueError('generated')\nf()", "<generated>", "exec"), {})


def with_note() -> None:
    error = ValueError("noted")
    error.add_note("a note\nof two lines")
    raise error


def exits() -> None:
    raise SystemExit(3)


LEAVES = [
    simple,
    silent,
    of_main,
    of_nowhere,
    without_text,
    undefined_name,
    unknown_attribute,
    unknown_import,
    syntax_error,
    multi_line,
    carets,
    without_source,
    with_note,
    exits,
]


def recurse(depth: int, work) -> None:
    if depth:
        recurse(depth - 1, work)
    else:
        work()


def ping(depth: int, work) -> None:
    if depth:
        pong(depth - 1, work)
    else:
        work()


def pong(depth: int, work) -> None:
    ping(depth, work)


def from_cause(work) -> None:
    try:
        work()
    except BaseException as cause:
        raise RuntimeError("from a cause") from cause


def while_handling(work) -> None:
    try:
        work()
    except BaseException:
        raise RuntimeError("while handling another")  # noqa: B904 - an implicit context is what is wanted


def from_none(work) -> None:
    try:
        work()
    except BaseException:
        raise RuntimeError("alone") from None


def again(work) -> None:
    try:
        work()
    except BaseException as error:
        raise error from error.__cause__


def in_group(work) -> None:
    try:
        work()
    except BaseException as error:
        raise BaseExceptionGroup("several", [error, ValueError("never raised")])  # noqa: B904 - likewise


def through_lambda(work) -> None:
    call = lambda: work()  # noqa: E731, PLW0108 - a frame named <lambda> is what is wanted
    call()


def through_comprehension(work) -> None:
    [work() for _ in range(1)]


WRAPPERS = [from_cause, while_handling, from_none, again, in_group, through_lambda, through_comprehension]
shapes = st.tuples(
    st.sampled_from(LEAVES),
    st.integers(0, 6),
    st.sampled_from([recurse, ping]),
    st.lists(st.sampled_from(WRAPPERS), max_size=4),
)


def caught(work) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("it was to raise")


def raised(shape) -> BaseException:
    leaf, depth, descend, wrappers = shape
    work = leaf
    for wrapper in wrappers:
        work = lambda inner=work, wrap=wrapper: wrap(inner)  # noqa: E731 - a frame of its own is what is wanted
    return caught(lambda: descend(depth, work))


def expected(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


FORMATTER = TracebackFormatter()  # shared, so that what one example remembered is used by the next


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shapes)
def test_the_text_is_that_of_the_standard_library(shape):
    error = raised(shape)
    text = expected(error)

    assert FORMATTER.format(error) == text
    assert FORMATTER.format(error) == text


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_every_kind_of_error_is_formatted_like_the_standard_library_does(leaf):
    error = raised((leaf, 1, recurse, []))

    assert TracebackFormatter().format(error) == expected(error)


def test_an_exception_that_was_never_raised_is_formatted():
    assert TracebackFormatter().format(ValueError("new")) == "ValueError: new\n"


def test_two_errors_of_one_line_are_told_apart():
    def either(first: bool, nothing: tuple[()] = ()) -> object:
        return int("x") if first else nothing[0]  # one line, two instructions

    formatter = TracebackFormatter()
    for first in (True, False, True):
        error = caught(lambda first=first: either(first))
        assert formatter.format(error) == expected(error)


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_the_interpreters_limit_is_respected(monkeypatch, limit):
    error = raised((simple, 5, recurse, []))
    monkeypatch.setattr(sys, "tracebacklimit", limit, raising=False)

    assert TracebackFormatter().format(error) == expected(error)


def test_deep_recursion_is_collapsed():
    text = TracebackFormatter().format(raised((simple, 20, recurse, [])))

    assert "[Previous line repeated 17 more times]" in text


def test_a_frame_is_rendered_once(monkeypatch):
    formatter = TracebackFormatter()
    text = formatter.format(raised((simple, 2, ping, [])))

    def unwanted(*_arguments, **_more):
        raise AssertionError("rendered again")

    monkeypatch.setattr(traceback, "format_tb", unwanted)

    assert formatter.format(raised((simple, 2, ping, []))) == text


def test_frames_that_are_remembered_are_bounded():
    formatter = TracebackFormatter(capacity=10)
    for number in range(50):
        code = compile(f"raise ValueError({number})", f"<generated {number}>", "exec")
        error = caught(lambda code=code: exec(code, {}))
        assert formatter.format(error) == expected(error)
        assert len(formatter._frames) <= 10
