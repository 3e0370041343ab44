# SPDX-License-Identifier: Apache-2.0
"""Cancellations are no errors; the leaves of a group are what is left without them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import subprocess
import sys

import pytest

from telemetry.classification import is_cancellation, leaves


class Stopped(asyncio.CancelledError):
    pass


TrioCancelled = type("Cancelled", (BaseException,), {"__module__": "trio"})
CANCELLATIONS = [
    asyncio.CancelledError(),
    Stopped(),
    concurrent.futures.CancelledError(),
    TrioCancelled(),
    GeneratorExit(),
    KeyboardInterrupt(),
    SystemExit(1),
]
ERRORS = [ValueError(), TimeoutError(), BaseException(), type("Cancelled", (BaseException,), {})()]


@pytest.mark.parametrize("err", CANCELLATIONS, ids=lambda err: type(err).__name__)
def test_a_cancellation_is_no_error(err):
    assert is_cancellation(err)
    assert is_cancellation(BaseExceptionGroup("g", [err]))
    assert leaves(err) == []


@pytest.mark.parametrize("err", [*ERRORS, "text", None, ValueError], ids=repr)
def test_everything_else_is_one(err):
    assert not is_cancellation(err)
    assert leaves(err) == [err]


def test_a_cancelled_future_really_raises_one():
    future = concurrent.futures.Future()
    future.cancel()
    with pytest.raises(concurrent.futures.CancelledError) as caught:
        future.result()
    assert is_cancellation(caught.value)


def test_a_group_with_an_error_in_it_is_an_error():
    inner = BaseExceptionGroup("inner", [asyncio.CancelledError(), ValueError("1")])
    group = BaseExceptionGroup("outer", [TimeoutError("0"), inner, KeyboardInterrupt(), KeyError("2")])
    assert not is_cancellation(group)
    assert [type(leaf) for leaf in leaves(group)] == [TimeoutError, ValueError, KeyError]


def test_an_error_that_is_in_a_group_twice_is_one_leaf():
    error = ValueError()
    assert leaves(ExceptionGroup("g", [error, ExceptionGroup("h", [error])])) == [error]


def test_groups_that_share_groups_take_no_exponential_time():
    group = ExceptionGroup("g", [ValueError()])
    for _ in range(200):
        group = ExceptionGroup("g", [group, group])
    assert len(leaves(group)) == 1


def test_a_group_that_hides_its_members_has_none():
    class Odd(ExceptionGroup):
        exceptions = property(lambda self: 1 / 0)

    assert leaves(Odd("o", [ValueError()])) == []


def test_a_process_that_never_heard_of_futures_has_no_cancelled_ones():
    script = (
        "import sys\n"
        "from telemetry.classification import is_cancellation\n"
        "sys.modules.pop('concurrent.futures', None)\n"
        "print(is_cancellation(ValueError()), is_cancellation(SystemExit()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
