# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from telemetry.tracing.marks import counted_as, first_event, mark_counted

KEY = ("timeout", "llm", True)


class UnreadableError(Exception):
    def __getattribute__(self, name: str):
        raise RuntimeError(f"no {name}")


def raised_from(cause: BaseException) -> BaseException:
    error = RuntimeError("later")
    error.__cause__ = cause
    return error


def test_an_exception_is_not_counted_before_it_is_marked():
    assert counted_as(ValueError()) is None


def test_a_mark_says_what_the_exception_was_counted_as():
    error = ValueError()
    mark_counted(error, KEY)

    assert counted_as(error) == KEY


def test_a_mark_is_found_through_causes():
    error = ValueError()
    mark_counted(error, KEY)

    assert counted_as(raised_from(raised_from(error))) == KEY


def test_a_mark_is_not_found_through_what_was_merely_being_handled():
    error, later = ValueError(), RuntimeError()
    mark_counted(error, KEY)
    later.__context__ = error

    assert counted_as(later) is None


def test_causes_that_go_round_in_a_circle_come_to_an_end():
    one, other = ValueError(), ValueError()
    one.__cause__, other.__cause__ = other, one

    assert counted_as(one) is None


def test_an_exceptions_event_is_written_once():
    error = ValueError()

    assert [first_event(error), first_event(error)] == [True, False]


@pytest.mark.parametrize(
    "make", [lambda: "text", lambda: None, lambda: 3, UnreadableError, lambda: ValueError]
)
def test_what_cannot_carry_a_mark_carries_none(make):
    odd = make()
    mark_counted(odd, KEY)
    first_event(odd)

    assert counted_as(odd) is None
