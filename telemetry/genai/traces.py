# SPDX-License-Identifier: Apache-2.0
"""What is remembered of each trace: calls, and their errors."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from telemetry import conventions as names
from telemetry.genai.call import AGENT
from telemetry.genai.matching import is_same_error, is_same_target, overlap

if TYPE_CHECKING:
    from telemetry.genai.call import Call, Told
    from telemetry.metrics.error_counts import ErrorKey

__all__ = ["Failure", "Seen", "Trace", "Traces"]

_UNSPECIFIC = frozenset({names.ERROR_TYPE_OTHER, "tool_error"})
"""Values of `error.type` that say that something failed and not what (MCP and GenAI conventions)."""

_MOST_TRACES = 1024
_MOST_CALLS = 256
_MOST_FAILURES = 64


class Failure:
    """One error that was counted, and the spans that told of it.

    Attributes:
        key: What it was counted as.
        told: What was told of it first.
        path: Spans that it went through, and their parents.
        end_ns: When the last span that told of it ended.
        is_recovered: Whether something made it good.
    """

    __slots__ = ("end_ns", "is_recovered", "key", "path", "told")

    def __init__(self, key: ErrorKey, told: Told, spans: set[int], end_ns: int) -> None:
        self.key = key
        self.told = told
        self.path = spans
        self.end_ns = end_ns
        self.is_recovered = False

    def passes(self, span_id: int, parent_id: int | None, end_ns: int) -> None:
        """Notes one more span that told of it."""
        self.path.add(span_id)
        if parent_id is not None:
            self.path.add(parent_id)
        self.end_ns = max(self.end_ns, end_ns)


class Seen:
    """One call, as one or several instrumentors saw it.

    Attributes:
        calls: What each of them saw, the first one first.
        failure: Its error, if it failed.
        has_tokens: Whether its tokens were recorded.
    """

    __slots__ = ("calls", "failure", "has_tokens")

    def __init__(self, call: Call) -> None:
        self.calls = [call]
        self.failure: Failure | None = None
        self.has_tokens = False

    def may_be(self, call: Call) -> bool:
        """Whether a span of another instrumentor may speak of this call."""
        return all(
            each.scope != call.scope and is_same_target(each, call) and overlap(each, call)
            for each in self.calls
        )

    def distance(self, call: Call) -> tuple[bool, bool, int]:
        """How far a span is from this call, for choosing among several: nested ones, same outcome, time."""
        is_nested = any(
            call.span_id == each.parent_id or call.parent_id == each.span_id for each in self.calls
        )
        first = self.calls[0]
        return (
            not is_nested,
            (call.error is None) != (first.error is None),
            abs(call.start_ns - first.start_ns) + abs(call.end_ns - first.end_ns),
        )

    def was_before(self, call: Call) -> bool:
        """Whether a call is another attempt at this: the same thing, later, under the same parent."""
        return any(
            each.parent_id == call.parent_id and each.end_ns <= call.start_ns and is_same_target(each, call)
            for each in self.calls
        )


class Trace:
    """What is remembered of one trace.

    Attributes:
        measuring: Spans that are open of instrumentors that measure by themselves: span to scope.
        failures: Errors, the latest last.
    """

    __slots__ = ("_calls", "_failed", "failures", "measuring")

    def __init__(self) -> None:
        self.measuring: dict[int, str] = {}
        self.failures: deque[Failure] = deque(maxlen=_MOST_FAILURES)
        self._calls: deque[Seen] = deque(maxlen=_MOST_CALLS)
        self._failed: deque[Seen] = deque(maxlen=_MOST_FAILURES)

    def add(self, seen: Seen) -> None:
        """Remembers a call."""
        self._calls.append(seen)

    def add_failed(self, seen: Seen) -> None:
        """Remembers a call as one that a retry may make good."""
        self._failed.append(seen)

    def twin_of(self, call: Call) -> Seen | None:
        """The call that a span of another instrumentor speaks of as well, if it was seen."""
        return min(
            (seen for seen in self._calls if seen.may_be(call)),
            key=lambda seen: seen.distance(call),
            default=None,
        )

    def failure_in(self, call: Call, told: Told) -> Failure | None:
        """The error that went on to this call, if it was counted further down."""
        says_nothing = told.type is None or told.type in _UNSPECIFIC
        for failure in reversed(self.failures):
            is_inside = call.start_ns <= failure.end_ns <= call.end_ns
            if not is_inside:
                continue
            is_same = is_same_error(told, failure.told)
            if call.span_id in failure.path and (is_same or says_nothing):
                return failure
            # Spans of other kinds may lie between; one error inside of what contains calls is its error.
            if call.kind == AGENT and (is_same or says_nothing):
                return failure
        return None

    def is_repeated(self, call: Call, told: Told) -> bool:
        """Whether an earlier call of this trace failed with the same words."""
        return any(
            failure.end_ns <= call.start_ns and is_same_error(told, failure.told) for failure in self.failures
        )

    def made_good_by(self, call: Call) -> list[Failure]:
        """The errors that a call which went well made good."""
        if call.parent_id is None:
            return []
        found = []
        for seen in self._failed:
            failure = seen.failure
            if failure is not None and not failure.is_recovered and seen.was_before(call):
                failure.is_recovered = True
                found.append(failure)
        return found


class Traces:
    """The traces that spans came from lately; the one that was silent longest is forgotten first."""

    def __init__(self) -> None:
        self._traces: OrderedDict[int, Trace] = OrderedDict()

    def get(self, trace_id: int) -> Trace:
        """Returns what is remembered of a trace."""
        traces = self._traces
        trace = traces.get(trace_id)
        if trace is None:
            trace = traces[trace_id] = Trace()
            if len(traces) > _MOST_TRACES:
                traces.popitem(last=False)
        else:
            traces.move_to_end(trace_id)
        return trace

    def find(self, trace_id: int) -> Trace | None:
        """Returns what is remembered of a trace, if anything."""
        return self._traces.get(trace_id)

    def forget(self, trace_id: int) -> None:
        """Forgets a trace that has ended."""
        self._traces.pop(trace_id, None)
