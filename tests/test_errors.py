# SPDX-License-Identifier: Apache-2.0
"""The error types: codes and their equivalents, messages, pickling and copying."""

from __future__ import annotations

import copy
import pickle

import pytest

from telemetry.errors import ConfigError, ErrorCode, KairosError, MissingExtraError, TelemetryError


class SearchFailedError(KairosError):
    """An application's own error, with arguments of its own."""

    def __init__(self, engine):
        super().__init__("tool_failure", f"{engine} failed", context={"engine": engine})
        self.engine = engine


EQUIVALENTS = {
    "internal_error": (500, "INTERNAL", False, False),
    "invalid_input": (400, "INVALID_ARGUMENT", False, False),
    "tool_failure": (503, "UNAVAILABLE", False, True),
    "timeout": (504, "DEADLINE_EXCEEDED", True, False),
    "rate_limit": (429, "RESOURCE_EXHAUSTED", True, False),
    "not_found": (404, "NOT_FOUND", False, False),
    "unauthorized": (401, "UNAUTHENTICATED", False, False),
    "memory_error": (503, "UNAVAILABLE", False, True),
    "llm_error": (503, "UNAVAILABLE", False, True),
}


def test_there_are_nine_codes():
    assert {str(code) for code in ErrorCode} == set(EQUIVALENTS)


@pytest.mark.parametrize("value", EQUIVALENTS)
def test_a_code_has_its_equivalents(value):
    code = ErrorCode(value)
    found = (code.http_status, code.grpc_status, code.is_recoverable, code.depends_on_cause)
    assert found == EQUIVALENTS[value]


def test_a_kairos_error_takes_the_code_as_text():
    error = KairosError("timeout", "too slow", context={"step": 2}, attributes={"limit_s": 5})
    assert error.code is ErrorCode.TIMEOUT
    assert str(error) == error.message == "too slow"
    assert (error.context, error.attributes, error.recoverable) == ({"step": 2}, {"limit_s": 5}, None)


def test_a_message_that_is_no_text_can_be_printed():
    assert str(KairosError("timeout", 504)) == "504"


def test_an_unknown_code_names_the_nine():
    with pytest.raises(
        ValueError, match=r"code: 'time_out' is not an error code; allowed: .*timeout, .*Use a member"
    ):
        KairosError("time_out", "x")


def test_a_cause_becomes_pythons_cause():
    cause = ConnectionError()
    assert KairosError("tool_failure", "x", cause=cause).__cause__ is cause


def test_without_a_cause_the_exception_being_handled_stays_visible():
    def handle():
        try:
            raise ConnectionError
        except ConnectionError:
            raise KairosError("tool_failure", "x")  # noqa: B904 - the point: without `from`

    with pytest.raises(KairosError) as caught:
        handle()
    assert isinstance(caught.value.__context__, ConnectionError)
    assert not caught.value.__suppress_context__


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize(
    "error",
    [
        KairosError("llm_error", "m", recoverable=True, context={"a": [1]}, attributes={"b": 2}),
        SearchFailedError("engine"),
        ConfigError(["exporter: bad", "port: bad"]),
        MissingExtraError("The OTLP/HTTP exporter", "http"),
        TelemetryError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_pickling_and_copying_keep_everything(error, again):
    error.add_note("seen")
    found = again(error)
    assert type(found) is type(error)
    assert (found.args, str(found), vars(found)) == (error.args, str(error), vars(error))


def test_a_config_error_lists_every_problem():
    assert str(ConfigError(["a: bad"])) == "1 setting cannot be used:\n  - a: bad"
    assert str(ConfigError(("a: bad", "b: bad"))) == "2 settings cannot be used:\n  - a: bad\n  - b: bad"
    assert isinstance(ConfigError([]), ValueError)


def test_a_missing_extra_names_the_command():
    error = MissingExtraError("The YAML reader", "yaml")
    assert str(error) == (
        "The YAML reader needs an extra that is not installed; run: pip install 'kairos-telemetry[yaml]'"
    )
    assert isinstance(error, ImportError)
