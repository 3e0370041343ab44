# SPDX-License-Identifier: Apache-2.0
"""From calls to metrics: each call once, whoever saw it; each error once, however far it went."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode

from telemetry import conventions as names
from telemetry.errors import ErrorCode
from telemetry.genai.call import AGENT, COMPONENTS, LLM, TOOL
from telemetry.genai.errors import Errors, is_no_error
from telemetry.genai.health import ErrorRatio
from telemetry.genai.meters import DURATIONS, TOKENS
from telemetry.genai.reading import call_of, told_by
from telemetry.genai.traces import Failure, Seen, Traces

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: TID251 - for type checkers only

    from telemetry.classification import Classifier
    from telemetry.genai.call import Call
    from telemetry.genai.meters import Meters
    from telemetry.genai.traces import Trace
    from telemetry.pipeline.recorder import Recorder

__all__ = ["Derivation"]

_ERROR = StatusCode.ERROR
_MOST_TRACES = 4096
_OWN_KINDS = {
    names.OPERATION_CHAT: LLM,
    names.OPERATION_EXECUTE_TOOL: TOOL,
    names.OPERATION_INVOKE_AGENT: AGENT,
}
_DURATIONS = {
    LLM: names.OPERATION_CHAT,
    TOOL: names.OPERATION_EXECUTE_TOOL,
}


class Derivation:
    """Derives metrics from the spans of one pipeline. Thread-safe; its memory is bounded.

    Args:
        recorder: The pipeline's recording side.
        classifier: Says what an exception is.
        meters: Says which instrumentors measure by themselves.
    """

    def __init__(self, recorder: Recorder, classifier: Classifier, meters: Meters) -> None:
        self._recorder = recorder
        self._meters = meters
        self._errors = Errors(recorder, classifier)
        self._traces = Traces()
        # Our own GenAI operations that are going on: trace, span, kind. What happens in them is theirs.
        # Beside the traces and without the lock, because it is on the path of our own spans.
        self._own: dict[int, dict[int, str]] = {}
        # Spans that such an operation ended directly beneath, with its kind: another word for the same call.
        self._enclosing: dict[int, set[tuple[int, str]]] = {}
        self._ratios: dict[str, ErrorRatio] = {}
        # Reentrant: a signal handler may end a span in the middle of it.
        self._lock = RLock()

    def own_started(self, trace_id: int, span_id: int, operation: str) -> None:
        """Notes that an operation of our own began: what others see in it is counted already."""
        kind = _OWN_KINDS.get(operation)
        if kind is not None:
            own = self._own
            own.setdefault(trace_id, {})[span_id] = kind
            if len(own) > _MOST_TRACES:  # those whose first span is another process's
                with self._lock:
                    oldest = next(iter(own))
                    own.pop(oldest, None)
                    self._enclosing.pop(oldest, None)

    def own_ended(self, span: ReadableSpan, trace_id: int, span_id: int) -> None:
        """Notes that a span of our own ended, and what it failed with: outer spans will tell of it too."""
        own = self._own.get(trace_id)
        kind = None if own is None else own.pop(span_id, None)
        if kind is not None and span.parent is not None:
            self._enclosing.setdefault(trace_id, set()).add((span.parent.span_id, kind))
        if span.status.status_code is not _ERROR:
            return
        told = told_by(span)
        if told is not None and told.counted is not None:
            failure = Failure(told.counted, told, set(), span.end_time or 0)
            failure.passes(span_id, span.parent.span_id if span.parent is not None else None, 0)
            with self._lock:
                self._traces.get(trace_id).failures.append(failure)

    def measuring_started(self, trace_id: int, span_id: int, scope: str) -> None:
        """Notes that a span began whose instrumentor measures by itself."""
        with self._lock:
            self._traces.get(trace_id).measuring[span_id] = scope

    def measuring_ended(self, trace_id: int, span_id: int) -> None:
        """Notes that it ended."""
        with self._lock:
            trace = self._traces.find(trace_id)
            if trace is not None:
                trace.measuring.pop(span_id, None)

    def ended(self, span: ReadableSpan) -> None:
        """Counts what a span of somebody else's tells, if it speaks of a call."""
        call = call_of(span)
        if call is None:
            return
        with self._lock:
            trace = self._traces.get(call.trace_id)
            if call.kind != AGENT and call.kind in tuple(self._own.get(call.trace_id, {}).values()):
                return
            twin = trace.twin_of(call)
            seen = twin or Seen(call)
            if twin is None:
                trace.add(seen)
            else:
                twin.calls.append(call)
            is_measured = (call.span_id, call.kind) in self._enclosing.get(call.trace_id, ())
            is_new = twin is None and not is_measured
            if self._outcome(trace, seen, call, span, is_new=is_new) and not is_measured:
                self._measure(seen, call, self._measured(trace, seen), is_new=is_new)

    def trace_ended(self, trace_id: int) -> None:
        """Forgets a trace."""
        self._own.pop(trace_id, None)
        self._enclosing.pop(trace_id, None)
        if self._traces.find(trace_id) is not None:
            with self._lock:
                self._traces.forget(trace_id)

    def _outcome(self, trace: Trace, seen: Seen, call: Call, span: ReadableSpan, *, is_new: bool) -> bool:
        """Counts errors and recoveries; returns whether the call came to an end at all."""
        told = call.error
        if told is None:
            for failure in trace.made_good_by(call):
                self._errors.recover(failure.key)
            if is_new:
                self._watch(call, has_failed=False)
            return True
        if is_no_error(told):
            return False
        if seen.failure is not None:  # the other instrumentor told of it
            seen.failure.passes(call.span_id, call.parent_id, call.end_ns)
            return True
        inner = trace.failure_in(call, told)
        if inner is not None:
            failure = inner
        else:
            key = self._errors.count(call, told, span, is_stale=trace.is_repeated(call, told))
            if key is None:
                return False
            failure = Failure(key, told, set(), call.end_ns)
            trace.failures.append(failure)
            self._watch(call, has_failed=key[0] != ErrorCode.INVALID_INPUT.value)
        failure.passes(call.span_id, call.parent_id, call.end_ns)
        seen.failure = failure
        trace.add_failed(seen)
        return True

    def _measured(self, trace: Trace, seen: Seen) -> set[str]:
        """What instrumentors that saw the call, or are about to have seen it, measure of it themselves."""
        scopes = {call.scope for call in seen.calls}
        scopes.update(trace.measuring.values())
        return {metric for scope in scopes for metric in self._meters.measured_by(scope)}

    def _measure(self, seen: Seen, call: Call, measured: set[str], *, is_new: bool) -> None:
        sink = self._recorder.genai
        labels = _labels(call)
        if is_new:
            histogram = _DURATIONS.get(call.kind)
            if call.operation == names.OPERATION_INVOKE_AGENT:
                histogram = names.OPERATION_INVOKE_AGENT
            if histogram is not None and not (call.kind == LLM and DURATIONS in measured):
                sink.duration(histogram, call.seconds, labels)
        if call.kind != LLM or seen.has_tokens or TOKENS in measured:
            return
        labels.pop(names.ERROR_TYPE, None)
        for kind, count in (
            (names.TOKEN_TYPE_INPUT, call.input_tokens),
            (names.TOKEN_TYPE_OUTPUT, call.output_tokens),
        ):
            if count is not None:
                seen.has_tokens = True
                sink.tokens(kind, count, labels)

    def _watch(self, call: Call, *, has_failed: bool) -> None:
        if call.kind == AGENT:
            return  # what it contains is watched by itself
        component = COMPONENTS[call.kind]
        status = self._ratios.setdefault(component, ErrorRatio()).add(call.end_ns, has_failed=has_failed)
        if status is not None:
            self._recorder.health.derive(component, status)


def _labels(call: Call) -> dict[str, object]:
    error = call.error
    labels = {
        names.OPERATION: call.operation,
        names.PROVIDER: call.provider,
        names.REQUEST_MODEL: call.models[0],
        names.RESPONSE_MODEL: call.models[1],
        names.GEN_AI_TOOL_NAME: call.subject if call.kind == TOOL else None,
        names.GEN_AI_AGENT_NAME: call.subject if call.kind == AGENT else None,
        "server.address": call.server[0],
        "server.port": call.server[1],
        names.ERROR_TYPE: (error.type or names.ERROR_TYPE_OTHER) if error is not None else None,
    }
    return {name: value for name, value in labels.items() if value is not None}
