# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from agent_runtime.resilience.fallback import first_that_works


def candidates(*outcomes: object):
    async def give(outcome: object) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return [lambda outcome=outcome: give(outcome) for outcome in outcomes]


def attempt(
    *outcomes: object, final: type[Exception] | tuple[()] = ()
) -> tuple[object, list[tuple[str, int]]]:
    told: list[tuple[str, int]] = []
    result = asyncio.run(
        first_that_works(
            candidates(*outcomes),
            lambda error, index: told.append((str(error), index)),
            lambda error: isinstance(error, final),
        )
    )
    return result, told


def test_the_first_candidate_is_enough_when_it_works():
    assert attempt("first", "second") == ("first", [])


def test_each_failure_leads_to_the_next_candidate():
    assert attempt(ValueError("a"), KeyError("b"), "third") == ("third", [("a", 1), ("'b'", 2)])


def test_the_last_candidates_error_is_raised():
    with pytest.raises(KeyError, match="b") as caught:
        attempt(ValueError("a"), KeyError("b"))
    assert caught.value.__context__ is None


def test_a_final_error_is_raised_at_once():
    with pytest.raises(ValueError, match="a"):
        attempt(ValueError("a"), "second", final=ValueError)


def test_a_cancellation_is_no_reason_to_fall_back():
    with pytest.raises(asyncio.CancelledError):
        attempt(asyncio.CancelledError(), "second")
