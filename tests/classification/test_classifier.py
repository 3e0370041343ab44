# SPDX-License-Identifier: Apache-2.0
"""Registration, causes, groups, KairosError, Python's own errors, and the cache."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import json
import subprocess
import sys
import threading
from pathlib import Path

import pydantic
import pytest

from telemetry.classification import Classification, Classifier, classifier
from telemetry.errors import ErrorCode, KairosError

UNKNOWN = (ErrorCode.INTERNAL_ERROR, "agent", False)


def caused_by(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: json.loads("{"), ("invalid_input", "agent", False)),
        (b"\xff".decode, ("invalid_input", "agent", False)),
        (lambda: pydantic.TypeAdapter(int).validate_python("x"), ("invalid_input", "agent", False)),
        (lambda: asyncio.run(asyncio.wait_for(asyncio.sleep(5), 0)), ("timeout", "agent", True)),
        (lambda: concurrent.futures.Future().result(0), ("timeout", "agent", True)),
        (
            lambda: subprocess.run(
                [sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.01, check=False
            ),
            ("timeout", "tool", True),
        ),
        (
            lambda: subprocess.run([sys.executable, "-c", "1/0"], check=True, stderr=-3),
            ("tool_failure", "tool", False),
        ),
        (lambda: Path("/nowhere").read_text(), ("not_found", "agent", False)),
        (lambda: list(Path(__file__).iterdir()), ("invalid_input", "agent", False)),
        (lambda: {}["k"], UNKNOWN),
        (lambda: 1 / 0, UNKNOWN),
        (lambda: None.x, UNKNOWN),
        (lambda: pydantic.create_model("M", x=(object(), ...)), UNKNOWN),
    ],
)
def test_python_raises(call, expected, error_of):
    assert Classifier().classify(error_of(call)) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError("x"), ("unauthorized", "agent", False)),
        (ConnectionResetError("x"), ("tool_failure", "tool", True)),
        (OSError(errno.EHOSTUNREACH, "No route to host"), ("tool_failure", "tool", True)),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), ("tool_failure", "tool", True)),
        (OSError(errno.ENOSPC, "No space left on device"), UNKNOWN),
        (OSError(), UNKNOWN),
        (MemoryError(), UNKNOWN),
        (RuntimeError("x"), UNKNOWN),
        (asyncio.IncompleteReadError(b"", 1), ("tool_failure", "tool", True)),
        (asyncio.CancelledError(), UNKNOWN),
        (concurrent.futures.BrokenExecutor(), UNKNOWN),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_type_decides(error, expected):
    assert Classifier().classify(error) == expected


class StrangeError(Exception):
    pass


def test_an_unknown_error_is_what_caused_it():
    assert Classifier().classify(caused_by(StrangeError(), caused_by(RuntimeError(), TimeoutError()))) == (
        "timeout",
        "agent",
        True,
    )


def test_an_unknown_error_is_what_was_being_handled():
    error = StrangeError()
    error.__context__ = ConnectionError()
    assert Classifier().classify(error, "llm") == ("llm_error", "llm", True)
    error.__suppress_context__ = True
    assert Classifier().classify(error, "llm") == ("internal_error", "llm", False)


def test_a_known_error_decides_for_itself():
    assert Classifier().classify(caused_by(KeyError("bug"), ConnectionError())) == UNKNOWN
    assert Classifier().classify(caused_by(ValueError(), TimeoutError())).code == "invalid_input"


def test_causes_may_run_in_circles():
    first, second = StrangeError(), StrangeError()
    caused_by(first, second)
    caused_by(second, first)
    assert Classifier().classify(first) == UNKNOWN


def test_a_cause_too_far_away_is_not_looked_for():
    error = TimeoutError()
    for _ in range(classifier.MAX_DEPTH):
        error = caused_by(StrangeError(), error)
    assert Classifier().classify(error) == UNKNOWN
    assert Classifier().classify(error.__cause__).code == "timeout"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([TimeoutError(), TimeoutError()], ("timeout", True)),
        ([TimeoutError(), ConnectionError()], ("timeout", True)),
        ([TimeoutError(), ValueError(), PermissionError()], ("invalid_input", False)),
        ([asyncio.CancelledError(), TimeoutError()], ("timeout", True)),
        ([StrangeError(), TimeoutError()], ("internal_error", False)),
        (
            [ExceptionGroup("inner", [TimeoutError(), FileNotFoundError()]), TimeoutError()],
            ("not_found", False),
        ),
        ([asyncio.CancelledError()], ("internal_error", False)),
    ],
)
def test_a_group_is_its_first_member_that_is_lost_else_its_first(members, expected):
    assert Classifier().classify(BaseExceptionGroup("g", members))[::2] == expected


def test_a_group_may_be_caused_by_itself():
    member = StrangeError()
    group = ExceptionGroup("g", [member, TimeoutError()])
    caused_by(member, group)
    assert Classifier().classify(group) == UNKNOWN


def test_members_may_share_a_cause():
    cause = ExceptionGroup("c", [TimeoutError()])
    group = ExceptionGroup("g", [caused_by(StrangeError(), cause), caused_by(StrangeError(), cause)])
    assert Classifier().classify(group) == ("timeout", "agent", True)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KairosError("timeout", "x"), ("timeout", "agent", True)),
        (KairosError("timeout", "x", recoverable=False), ("timeout", "agent", False)),
        (KairosError("llm_error", "x"), ("llm_error", "llm", False)),
        (KairosError("llm_error", "x", recoverable=True), ("llm_error", "llm", True)),
        (KairosError("tool_failure", "x", cause=ConnectionError()), ("tool_failure", "tool", True)),
        (KairosError("memory_error", "x", cause=ValueError()), ("memory_error", "memory", False)),
        (
            KairosError("tool_failure", "x", cause=KairosError("llm_error", "y", cause=TimeoutError())),
            ("tool_failure", "tool", True),
        ),
        (KairosError("invalid_input", "x", cause=TimeoutError()), ("invalid_input", "agent", False)),
    ],
)
def test_a_kairos_error_has_its_own_code(error, expected):
    assert Classifier().classify(error) == expected
    assert Classifier().classify(error, "planner") == (expected[0], "planner", expected[2])


def test_a_kairos_error_without_a_code_is_classified_by_its_cause():
    error = KairosError("timeout", "x", cause=PermissionError())
    error.code = "nonsense"
    assert Classifier().classify(error).code == "unauthorized"


def test_a_registered_type_is_known_with_its_subclasses():
    class ChildError(StrangeError):
        pass

    rules = Classifier()
    assert rules.classify(ChildError()) == UNKNOWN
    rules.register(StrangeError, "llm_error", True)
    assert rules.classify(ChildError()) == ("llm_error", "llm", True)
    rules.register(ChildError, ErrorCode.NOT_FOUND, False)
    assert rules.classify(ChildError()) == ("not_found", "agent", False)
    assert rules.classify(StrangeError()) == ("llm_error", "llm", True)
    assert Classifier().classify(StrangeError()) == UNKNOWN


def test_the_most_specific_class_wins_also_over_built_in_rules():
    rules = Classifier()
    rules.register(Exception, "tool_failure", True)
    assert rules.classify(TimeoutError()).code == "timeout"
    assert rules.classify(StrangeError()) == ("tool_failure", "tool", True)
    rules.register(TimeoutError, "rate_limit", False)
    assert rules.classify(TimeoutError()) == ("rate_limit", "agent", False)


def test_a_registered_group_type_answers_for_its_members():
    class Batch(ExceptionGroup):
        pass

    rules = Classifier()
    rules.register(Batch, "memory_error", True)
    assert rules.classify(Batch("b", [ValueError()])) == ("memory_error", "memory", True)


@pytest.mark.parametrize("bad", ["TimeoutError", TimeoutError(), int, None])
def test_only_exception_classes_can_be_registered(bad):
    with pytest.raises(
        TypeError, match=r"exception_type: .* is not an exception class; .*Pass the class itself"
    ):
        Classifier().register(bad, "timeout", True)


def test_only_the_nine_codes_can_be_registered():
    with pytest.raises(ValueError, match=r"code: 'nope' is not an error code; allowed: internal_error, "):
        Classifier().register(StrangeError, "nope", True)


def test_recoverable_is_a_bool():
    with pytest.raises(TypeError, match=r"recoverable: 'no' is not a bool; allowed: True, False\."):
        Classifier().register(StrangeError, "timeout", "no")


def test_fixed_tells_which_types_never_need_their_instance():
    rules = Classifier()
    assert rules.fixed(TimeoutError) == Classification(ErrorCode.TIMEOUT, "agent", True)
    assert rules.fixed(TimeoutError) is rules.classify(TimeoutError())
    for depends in (
        StrangeError,
        OSError,
        KairosError,
        ExceptionGroup,
        asyncio.CancelledError,
        KeyboardInterrupt,
    ):
        assert rules.fixed(depends) is None
    rules.register(StrangeError, "timeout", False)
    assert rules.fixed(StrangeError) == ("timeout", "agent", False)


def test_answers_are_remembered_for_types_that_need_no_instance():
    rules = Classifier()
    assert rules.classify(ValueError(), "c") is rules.classify(ValueError(), "c")
    assert rules.classify(StrangeError(), "c") is rules.classify(RuntimeError(), "c")


def test_the_memory_of_types_and_components_is_bounded(monkeypatch):
    monkeypatch.setattr(classifier, "MAX_TYPES", 8)
    monkeypatch.setattr(classifier, "MAX_COMPONENTS", 4)
    rules = Classifier()
    for index in range(50):
        kind = type(f"E{index}", (ValueError,), {})
        assert rules.classify(kind()).code == "invalid_input"
        assert rules.classify(ValueError(), f"c{index}").component == f"c{index}"
    assert len(rules._state.rules) <= 8
    assert len(rules._state.fixed) <= 9
    assert all(len(known) <= 4 for known in rules._state.fixed.values())


def test_registering_while_others_classify_never_leaves_a_stale_answer():
    kinds = [type(f"E{index}", (Exception,), {}) for index in range(200)]
    rules = Classifier()
    done = threading.Event()

    def classify():
        while not done.is_set():
            for kind in kinds:
                rules.classify(kind())

    threads = [threading.Thread(target=classify) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for kind in kinds:
            rules.register(kind, "timeout", True)
            assert rules.classify(kind()).code == "timeout"
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert {rules.classify(kind()).code for kind in kinds} == {"timeout"}


@pytest.mark.parametrize("component", [None, "", 7, [], object()])
def test_a_component_that_is_no_name_leaves_the_assumed_one(component):
    assert Classifier().classify(TimeoutError(), component).component == "agent"
    assert Classifier().classify(StrangeError(), component).component == "agent"


def test_a_string_subclass_is_taken_as_its_text():
    class Name(str):
        __slots__ = ()

    found = Classifier().classify(TimeoutError(), Name("llm"))
    assert (found.component, type(found.component)) == ("llm", str)
