# SPDX-License-Identifier: Apache-2.0
"""The errors that spans tell of: found again as exceptions where that can be, classified, counted.

Instrumentors end a failed call's span while its exception is being handled, so that the exception
itself can mostly be had from the interpreter. Then it is counted as `record_error` counts it: with the
user's own rules, and once, however many layers report it later. Else its name has to do.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from telemetry.classification import is_cancellation
from telemetry.genai.call import AGENT, COMPONENTS, Told
from telemetry.genai.matching import is_same_error, short
from telemetry.tracing.marks import counted_as

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: TID251 - for type checkers only
    from opentelemetry.trace import Span

    from telemetry.classification import Classifier
    from telemetry.genai.call import Call
    from telemetry.metrics.error_counts import ErrorKey
    from telemetry.pipeline.recorder import Recorder

__all__ = ["Errors", "is_no_error"]

_NO_ERRORS = frozenset(
    {
        "CancelledError",
        "Cancelled",
        "GeneratorExit",
        "KeyboardInterrupt",
        "SystemExit",
        # How frameworks leave a call on purpose: LangGraph, pydantic-ai.
        "GraphBubbleUp",
        "GraphInterrupt",
        "NodeInterrupt",
        "ParentCommand",
        "ApprovalRequired",
        "CallDeferred",
        "SkipModelRequest",
        "SkipToolExecution",
    }
)
_CHAIN = 16


def is_no_error(told: Told) -> bool:
    """Whether what ended a call is a cancellation or a framework's way to leave it."""
    return told.type is not None and short(told.type) in _NO_ERRORS


class Errors:
    """Counts what spans tell of.

    Args:
        recorder: The pipeline's recording side.
        classifier: Says what an exception is.
    """

    def __init__(self, recorder: Recorder, classifier: Classifier) -> None:
        self._recorder = recorder
        self._classifier = classifier

    def count(self, call: Call, told: Told, span: ReadableSpan, *, is_stale: bool) -> ErrorKey | None:
        """Counts a call's error, unless it was counted already; returns as what. None: it is no error.

        Args:
            call: The call.
            told: What its span tells of the error.
            span: The span, for the exemplar.
            is_stale: Whether an earlier call failed just so: an exception that was counted is that one's.
        """
        if told.counted is not None:
            return told.counted
        # A chain fails for reasons of any component; the exception says which.
        component = None if call.kind == AGENT else COMPONENTS[call.kind]
        error = _in_flight(told)
        if error is not None:
            if is_cancellation(error):
                return None
            if counted_as(error) is None or not is_stale:
                self._recorder.count(error, component, cast("Span", span))
                return counted_as(error)
        verdict = self._classifier.classify_name(told.type, told.message, told.status, component)
        key = (verdict.code.value, verdict.component, verdict.recoverable)
        self._recorder.counts.series(key).record(cast("Span", span))
        return key

    def recover(self, key: ErrorKey) -> None:
        """Counts an error as made good."""
        self._recorder.counts.recover(key)


def _in_flight(told: Told) -> BaseException | None:
    """The exception that is being handled in this thread, or one behind it, if it is the one told of."""
    error: BaseException | None = sys.exception()
    for _ in range(_CHAIN):
        if error is None:
            return None
        if is_same_error(told, Told(type(error).__name__, _message(error), None)):
            return error
        error = error.__cause__ or error.__context__
    return None


def _message(error: BaseException) -> str | None:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - somebody's __str__ may raise anything; the class has to do
        return None
