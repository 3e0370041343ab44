# SPDX-License-Identifier: Apache-2.0
"""The cached classifier against a naive one, over arbitrary graphs of exceptions."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.classification import Classifier, is_cancellation, leaves, retry_after
from telemetry.errors import ErrorCode, KairosError


class StrangeError(Exception):
    pass


class RegisteredError(StrangeError):
    pass


WARM = Classifier()
WARM.register(RegisteredError, "memory_error", False)

TOOL_OF = {"llm": "llm_error", "model": "llm_error", "memory": "memory_error"}
SIMPLE = {  # what the types say by themselves; None: ask the exception behind
    ValueError: ("invalid_input", "agent", False),
    TimeoutError: ("timeout", "agent", True),
    ConnectionError: (None, "tool", True),
    httpx.ConnectError: (None, "tool", True),
    httpx.TooManyRedirects: (None, "tool", False),
    KeyError: ("internal_error", "agent", False),
    RegisteredError: ("memory_error", "memory", False),
    StrangeError: None,
    RuntimeError: None,
}
NATURAL = {"tool_failure": "tool", "llm_error": "llm", "memory_error": "memory"}


def behind(err):
    if err.__cause__ is not None or err.__suppress_context__:
        return err.__cause__
    return err.__context__


def naive_leaves(err):
    if isinstance(err, BaseExceptionGroup):
        return [leaf for member in err.exceptions for leaf in naive_leaves(member)]
    return [] if isinstance(err, asyncio.CancelledError | KeyboardInterrupt) else [err]


def naive(err):
    """The rules as `docs/errors.md` tells them; None where nobody in the chain is known."""
    if isinstance(err, BaseExceptionGroup):
        found = [naive(leaf) or ("internal_error", "agent", False) for leaf in naive_leaves(err)]
        lost = [verdict for verdict in found if not verdict[2]]
        if found:
            return (lost or found)[0]
    elif isinstance(err, KairosError):
        natural = NATURAL.get(err.code, "agent")
        if err.recoverable is not None:
            return (err.code, natural, err.recoverable)
        if err.code not in NATURAL:
            return (err.code, natural, err.code in ("timeout", "rate_limit"))
        cause = behind(err) and naive(behind(err))
        return (err.code, natural, bool(cause and cause[2]))
    elif isinstance(err, asyncio.CancelledError | KeyboardInterrupt):
        return ("internal_error", "agent", False)
    elif SIMPLE[type(err)] is not None:
        return SIMPLE[type(err)]
    return naive(behind(err)) if behind(err) is not None else None


def naive_classify(err, component):
    code, natural, recoverable = naive(err) or ("internal_error", "agent", False)
    return (code or TOOL_OF.get(component or natural, "tool_failure"), component or natural, recoverable)


def made(kind):
    return kind("x") if issubclass(kind, Exception) else kind()


single = st.one_of(
    st.sampled_from([*SIMPLE, asyncio.CancelledError, KeyboardInterrupt]).map(made),
    st.builds(
        KairosError,
        st.sampled_from(ErrorCode),
        st.just("m"),
        recoverable=st.sampled_from([None, None, True, False]),
    ),
)


@st.composite
def trees(draw, children):
    error = draw(
        st.one_of(
            single,
            st.lists(children, min_size=1, max_size=3).map(lambda found: BaseExceptionGroup("g", found)),
        )
    )
    how = draw(st.sampled_from(["alone", "cause", "context", "suppressed"]))
    if how == "cause":
        error.__cause__ = draw(children)
    elif how != "alone":
        error.__context__ = draw(children)
        error.__suppress_context__ = how == "suppressed"
    return error


errors = st.recursive(single, trees, max_leaves=8)
components = st.sampled_from([None, "llm", "model", "memory", "tool", "planner"])


@given(errors, components)
@settings(max_examples=400, deadline=None)
def test_the_cached_classifier_says_what_the_naive_one_says(err, component):
    assert WARM.classify(err, component) == naive_classify(err, component)
    fixed = WARM.fixed(type(err))
    assert fixed is None or fixed == naive_classify(err, None)


@given(errors)
@settings(max_examples=200, deadline=None)
def test_leaves_are_those_of_the_naive_walk(err):
    assert list(map(id, leaves(err))) == list(map(id, naive_leaves(err)))
    assert is_cancellation(err) == (not naive_leaves(err))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_graphs_with_circles_end_the_same_warm_and_cold(data):
    nodes = list(data.draw(st.lists(single, min_size=1, max_size=5)))
    for _ in range(data.draw(st.integers(0, 3))):
        nodes.append(
            BaseExceptionGroup("g", data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=4)))
        )
    for node in nodes:
        node.__cause__ = data.draw(st.sampled_from([None, *nodes]))
    cold = Classifier()
    cold.register(RegisteredError, "memory_error", False)
    for node in nodes:
        assert WARM.classify(node, "llm") == cold.classify(node, "llm")
        retry_after(node)


def hostile():
    def refuse(*_):
        raise RuntimeError("no")

    everything = dict.fromkeys(
        ("__str__", "__repr__", "__eq__", "__hash__", "__bool__", "__getattribute__", "__len__"), refuse
    )

    class Meta(type):
        __hash__ = refuse
        __eq__ = refuse
        __module__ = property(refuse)
        __name__ = property(refuse)

    liar = property(refuse)
    traps = {
        "__cause__": liar,
        "__context__": liar,
        "__class__": liar,
        "response": liar,
        "code": liar,
        "args": liar,
    }
    yield type("Object", (), everything)()
    yield Meta("Odd", (), {})()
    yield Meta("OddError", (Exception,), {})()
    for base in (Exception, OSError, KairosError, BaseException, httpx.HTTPStatusError):
        for attributes in (everything, traps):
            kind = type("Hostile", (base,), attributes)
            yield kind.__new__(kind)
    yield type("HostileGroup", (ExceptionGroup,), {**traps, "exceptions": liar})("g", [ValueError()])
    chained = StrangeError()
    chained.__cause__ = type("Hostile", (Exception,), everything)()
    yield chained
    yield from (None, 1, "text", b"", [], {}, object(), ValueError, float("nan"), print)


@pytest.mark.parametrize("index", range(len(list(hostile()))))
def test_nothing_raises_whatever_it_is_given(index):
    err = list(hostile())[index]
    assert WARM.classify(err).component
    assert WARM.classify(err, "c").component == "c"
    assert WARM.classify(err, err)
    assert is_cancellation(err) in (True, False)
    assert len(leaves(err)) <= 1
    retry_after(err)
    WARM.fixed(type(err))


@given(
    st.from_type(object)
    | st.from_type(type)
    | st.recursive(st.none() | st.text() | st.floats() | st.binary(), st.lists)
)
@settings(max_examples=100, deadline=None)
def test_no_value_of_python_raises(value):
    WARM.classify(value, value)
    retry_after(value)
    leaves(value)
    is_cancellation(value)
