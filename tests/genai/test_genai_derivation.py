# SPDX-License-Identifier: Apache-2.0
"""What is derived from spans: errors, recoveries, durations, tokens."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from opentelemetry.context import attach, detach
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, set_span_in_context

import telemetry
from telemetry.genai import derivation, traces
from telemetry.pipeline.handle import HANDLE

OFFICIAL, OPENINFERENCE, TRACELOOP = "official.scope", "openinference.scope", "traceloop.scope"
CHAT = {
    OFFICIAL: {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.system": "openai"},
    OPENINFERENCE: {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-2024"},
    TRACELOOP: {"llm.request.type": "chat", "gen_ai.request.model": "openai/gpt-4o"},
}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
CHAIN = {"openinference.span.kind": "CHAIN"}


@pytest.mark.parametrize("scope", CHAT)
def test_an_error_is_counted_by_code_and_component(foreign, scope):
    foreign.call(scope, CHAT[scope], TimeoutError("slow"))

    assert foreign.errors() == {"timeout llm": 1}


def test_a_tools_error_is_the_tools(foreign):
    foreign.call(OFFICIAL, TOOL, ConnectionError("gone"))

    assert foreign.errors() == {"tool_failure tool": 1}


def test_an_exception_that_is_not_in_flight_any_more_is_known_by_its_name(foreign):
    foreign.ended(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))

    assert foreign.errors() == {"timeout llm": 1}


def test_what_the_span_counted_is_not_counted_again_by_record_error(foreign):
    error = TimeoutError("slow")
    foreign.call(OFFICIAL, CHAT[OFFICIAL], error)
    telemetry.record_error(error)

    assert foreign.errors() == {"timeout llm": 1}


def test_what_record_error_counted_is_not_counted_again_by_the_span(foreign):
    error = TimeoutError("slow")
    telemetry.record_error_metric(error, "model")
    foreign.call(OFFICIAL, CHAT[OFFICIAL], error)

    assert foreign.errors() == {"timeout model": 1}


def test_what_record_error_wrote_on_the_span_is_not_counted_again(foreign):
    with foreign.span(OFFICIAL, CHAT[OFFICIAL]):
        telemetry.record_error(TimeoutError("slow"))  # contained: nothing is in flight when the span ends

    assert foreign.errors() == {"timeout agent": 1}


def test_registrations_of_the_user_count(foreign):
    class QuotaError(Exception):
        pass

    telemetry.register_classifier(QuotaError, "rate_limit", True)
    foreign.call(OFFICIAL, CHAT[OFFICIAL], QuotaError("later"))

    assert foreign.errors() == {"rate_limit llm": 1}


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), GeneratorExit()])
def test_a_cancellation_is_no_error(foreign, error):
    foreign.call(OFFICIAL, CHAT[OFFICIAL], error)
    foreign.ended(OFFICIAL, CHAT[OFFICIAL], error)

    assert foreign.errors() == {}


def test_a_cancellation_of_ones_own_making_is_no_error(foreign):
    class Stopped(asyncio.CancelledError):
        pass

    foreign.call(OFFICIAL, CHAT[OFFICIAL], Stopped("stop"))
    with foreign.span(OFFICIAL, CHAT[OFFICIAL]) as span:
        try:
            raise Stopped("stop")
        except Stopped as stopped:
            span.record_exception(stopped)
            span.set_status(StatusCode.ERROR)
            span.end()

    assert foreign.errors() == {}


# -- one error, many layers ----------------------------------------------------------------------


def test_one_exception_through_chains_and_agents_is_one_error(foreign):
    with (
        pytest.raises(TimeoutError),
        foreign.span(OPENINFERENCE, CHAIN),
        foreign.span(OPENINFERENCE, CHAIN),
        foreign.span("app", {}),
        foreign.span(OFFICIAL, CHAT[OFFICIAL]),
    ):
        raise TimeoutError("slow")

    assert foreign.errors() == {"timeout llm": 1}


def test_so_it_is_when_only_the_spans_tell_of_it(foreign):
    with foreign.span(OPENINFERENCE, CHAIN) as chain:
        foreign.ended(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
        chain.set_status(StatusCode.ERROR)
    with foreign.span(OPENINFERENCE, CHAIN) as chain:
        foreign.ended(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
        chain.record_exception(TimeoutError("slow"))
        chain.set_status(StatusCode.ERROR, "TimeoutError: slow")

    assert foreign.errors() == {"timeout llm": 2}


def test_a_tool_that_fails_with_its_models_error_tells_of_the_same_error(foreign):
    with foreign.span(OFFICIAL, TOOL) as tool:
        foreign.ended(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
        tool.record_exception(TimeoutError("slow"))
        tool.set_status(StatusCode.ERROR)

    assert foreign.errors() == {"timeout llm": 1}


def test_an_error_of_the_chain_itself_is_counted_too(foreign):
    with foreign.span(OPENINFERENCE, CHAIN) as chain:
        foreign.ended(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
        chain.record_exception(ValueError("another"))
        chain.set_status(StatusCode.ERROR)

    assert foreign.errors() == {"timeout llm": 1, "invalid_input agent": 1}


def test_an_error_of_our_own_span_is_not_counted_again_further_out(foreign):
    with foreign.span(OPENINFERENCE, CHAIN) as chain:
        try:
            with telemetry.observe(component="tool"):
                raise ValueError("no")
        except ValueError:
            chain.record_exception(ValueError("no"))
            chain.set_status(StatusCode.ERROR)

    assert foreign.errors() == {"invalid_input tool": 1}


def test_a_failed_span_of_ours_without_an_error_says_nothing(foreign):
    with telemetry.observe(name="x") as span:
        span.set_status(StatusCode.ERROR)

    assert foreign.errors() == {}


def test_equal_errors_of_calls_after_each_other_are_several(foreign):
    with foreign.span("app", {}):
        for _ in range(3):
            foreign.ended(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
        try:
            raise TimeoutError("slow")
        except TimeoutError as first:
            telemetry.record_error(first)
            foreign.ended(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))

    assert sum(foreign.errors().values()) == 5


def test_equal_errors_of_calls_at_the_same_time_are_several(foreign):
    tracer = foreign.provider.get_tracer(OFFICIAL)
    with foreign.span("app", {}):
        spans = [tracer.start_span("call", attributes=CHAT[OFFICIAL]) for _ in range(3)]
        for span in spans:
            span.record_exception(TimeoutError("slow"))
            span.set_status(StatusCode.ERROR)
            span.end()

    assert foreign.errors() == {"timeout llm": 3}


# -- two instrumentors ---------------------------------------------------------------------------


@pytest.mark.parametrize(("outer", "inner"), [(OFFICIAL, OPENINFERENCE), (TRACELOOP, OFFICIAL)])
def test_a_call_that_two_instrumentors_saw_nested_is_one(foreign, outer, inner):
    with foreign.span("app", {}):
        with pytest.raises(TimeoutError), foreign.span(outer, CHAT[outer]), foreign.span(inner, CHAT[inner]):
            raise TimeoutError("slow")
        with foreign.span(outer, CHAT[outer]), foreign.span(inner, CHAT[inner]):
            pass

    assert foreign.errors() == {"timeout llm": 1}
    assert foreign.recovered() == {"timeout llm": 1}
    assert duration_count(foreign.kairos) == 2


def test_calls_that_two_instrumentors_saw_side_by_side_are_paired_one_to_one(foreign):
    tracers = [foreign.provider.get_tracer(scope) for scope in (OFFICIAL, OPENINFERENCE)]
    with foreign.span("app", {}):
        spans = []
        for _ in range(3):  # three at the same time
            for tracer, scope in zip(tracers, (OFFICIAL, OPENINFERENCE), strict=True):
                spans.append(tracer.start_span("call", attributes=CHAT[scope]))
        for number, span in enumerate(spans):
            if number in (2, 3):
                span.record_exception(TimeoutError("slow"))
                span.set_status(StatusCode.ERROR)
            span.end()

    assert foreign.errors() == {"timeout llm": 1}
    assert duration_count(foreign.kairos) == 3


def test_the_second_instrumentor_may_be_the_one_that_saw_the_error(foreign):
    with suppress(TimeoutError), foreign.span("app", {}), foreign.span(OFFICIAL, CHAT[OFFICIAL]):
        foreign.call(OPENINFERENCE, CHAT[OPENINFERENCE])
        raise TimeoutError("half a stream")

    assert foreign.errors() == {"timeout llm": 1}


def test_another_model_is_another_call(foreign):
    other = {"openinference.span.kind": "LLM", "llm.model_name": "claude"}
    embedding = {"openinference.span.kind": "EMBEDDING", "embedding.model_name": "gpt-4o"}
    with foreign.span(OFFICIAL, CHAT[OFFICIAL]):
        foreign.call(OPENINFERENCE, other)
        foreign.call(OPENINFERENCE, embedding)

    assert duration_count(foreign.kairos) == 3


def test_tokens_that_only_the_second_instrumentor_knows_are_taken_from_it(foreign):
    tokens = {"gen_ai.usage.input_tokens": 7}
    with foreign.span(TRACELOOP, {**CHAT[TRACELOOP], **tokens}), foreign.span(OFFICIAL, CHAT[OFFICIAL]):
        pass
    foreign.call(OFFICIAL, {**CHAT[OFFICIAL], "gen_ai.usage.output_tokens": 5})

    assert foreign.kairos.value("gen_ai.client.token.usage", {"gen_ai.token.type": "input"}) == 7
    assert foreign.kairos.value("gen_ai.client.token.usage", {"gen_ai.token.type": "output"}) == 5


def test_what_others_see_in_our_own_operations_is_counted_by_those(foreign):
    with (
        suppress(TimeoutError),
        telemetry.chat("gpt-4o", provider="openai"),
        foreign.span(OFFICIAL, CHAT[OFFICIAL]),
    ):
        raise TimeoutError("slow")
    with telemetry.invoke_agent("a"), telemetry.execute_tool("search"):
        foreign.call(OPENINFERENCE, {"openinference.span.kind": "TOOL", "tool.name": "search"})

    assert foreign.errors() == {"timeout llm": 1}
    assert duration_count(foreign.kairos) == 1
    assert duration_count(foreign.kairos, "gen_ai.execute_tool.duration") == 1


def test_an_operation_of_ours_that_is_unknown_here_covers_nothing(foreign):
    with telemetry.observe(name="x", **{"gen_ai.operation.name": "plan"}):
        foreign.call(OFFICIAL, CHAT[OFFICIAL])

    assert duration_count(foreign.kairos) == 1


# -- recoveries ----------------------------------------------------------------------------------


def test_a_retry_under_the_same_parent_makes_all_earlier_attempts_good(foreign):
    with foreign.span("app", {}):
        foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
        foreign.call(OFFICIAL, CHAT[OFFICIAL], ConnectionError("gone"))
        foreign.call(OFFICIAL, CHAT[OFFICIAL])
        foreign.call(OFFICIAL, CHAT[OFFICIAL])

    assert foreign.recovered() == {"timeout llm": 1, "llm_error llm": 1}


def test_another_tool_or_parent_makes_nothing_good(foreign):
    with foreign.span("app", {}):
        foreign.call(OFFICIAL, TOOL, TimeoutError("slow"))
        foreign.call(OFFICIAL, {**TOOL, "gen_ai.tool.name": "weather"})
        foreign.call(OFFICIAL, CHAT[OFFICIAL])
        with foreign.span("app", {}):
            foreign.call(OFFICIAL, TOOL)

    assert foreign.recovered() == {}


def test_a_call_that_began_before_the_failure_makes_nothing_good(foreign):
    with foreign.span("app", {}):
        early = foreign.provider.get_tracer(OFFICIAL).start_span("call", attributes=CHAT[OFFICIAL])
        foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
        early.end()

    assert foreign.recovered() == {}


def test_calls_without_a_parent_have_no_retries(foreign):
    foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
    foreign.call(OFFICIAL, CHAT[OFFICIAL])

    assert foreign.recovered() == {}


def test_a_chain_that_is_run_again_makes_the_error_in_it_good_once(foreign):
    with foreign.span("app", {}):
        with (
            suppress(TimeoutError),
            foreign.span(OPENINFERENCE, CHAIN),
            foreign.span(OFFICIAL, CHAT[OFFICIAL]),
        ):
            raise TimeoutError("slow")
        with foreign.span(OPENINFERENCE, CHAIN):
            foreign.call(OFFICIAL, CHAT[OFFICIAL])

    assert foreign.errors() == foreign.recovered() == {"timeout llm": 1}


# -- measures ------------------------------------------------------------------------------------


def duration_count(kairos, metric="gen_ai.client.operation.duration"):
    return sum(point.count or 0 for point in kairos.metrics() if point.name == metric)


def test_durations_and_tokens_carry_the_official_attributes(foreign):
    foreign.call(
        TRACELOOP,
        {
            **CHAT[TRACELOOP],
            "gen_ai.system": "openai",
            "gen_ai.response.model": "gpt-4o-2024",
            "gen_ai.usage.prompt_tokens": 11,
            "server.address": "127.0.0.1",
            "server.port": 80,
        },
    )

    [point] = [each for each in foreign.kairos.metrics() if each.name == "gen_ai.client.operation.duration"]
    assert point.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "openai/gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024",
        "server.address": "127.0.0.1",
        "server.port": 80,
    }
    assert foreign.kairos.value("gen_ai.client.token.usage", {"gen_ai.token.type": "input"}) == 11


def test_agents_and_tools_have_durations_of_their_own_and_chains_none(foreign):
    foreign.call(OPENINFERENCE, {"openinference.span.kind": "AGENT", "agent.name": "a"})
    foreign.call(OPENINFERENCE, {"openinference.span.kind": "TOOL", "tool.name": "t"}, ValueError("no"))
    foreign.call(OPENINFERENCE, CHAIN)

    assert duration_count(foreign.kairos, "gen_ai.invoke_agent.duration") == 1
    assert foreign.kairos.value("gen_ai.invoke_agent.duration", {"gen_ai.agent.name": "a"}) > 0
    failed = {"gen_ai.tool.name": "t", "error.type": "ValueError"}
    assert foreign.kairos.value("gen_ai.execute_tool.duration", failed) > 0
    assert duration_count(foreign.kairos) == 0


# -- health --------------------------------------------------------------------------------------


def test_health_follows_the_share_of_failures(foreign):
    for _ in range(5):
        foreign.call(OFFICIAL, CHAT[OFFICIAL])
    assert foreign.kairos.value("kairos.health.status", component="llm") == 2
    foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
    assert foreign.kairos.value("kairos.health.status", component="llm") == 1
    for _ in range(4):
        foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
    assert foreign.kairos.value("kairos.health.status", component="llm") == 0


def test_health_that_was_set_is_left_alone(foreign):
    telemetry.set_health("llm", telemetry.HealthStatus.HEALTHY)
    for _ in range(9):
        foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))

    assert foreign.kairos.value("kairos.health.status", component="llm") == 2


def test_health_that_is_set_later_wins(foreign):
    for _ in range(9):
        foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
    telemetry.set_health("llm", "degraded")
    foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))

    assert foreign.kairos.value("kairos.health.status", component="llm") == 1


@pytest.mark.kairos(cardinality_limit=1)
def test_past_the_cardinality_limit_no_health_is_derived(foreign):
    telemetry.set_health("db", 2)
    for _ in range(9):
        foreign.call(OFFICIAL, CHAT[OFFICIAL])

    assert [p.attributes for p in foreign.kairos.metrics() if p.name == "kairos.health.status"] == [
        {"component": "db"}
    ]


# -- limits --------------------------------------------------------------------------------------


def test_memory_is_bounded_when_traces_never_end(foreign, monkeypatch):
    monkeypatch.setattr(traces, "_MOST_TRACES", 10)
    kept = traces.Traces()
    for trace_id in range(30):
        kept.get(trace_id)

    assert len(kept._traces) == 10
    assert kept.find(29) is not None
    assert kept.find(0) is None


def test_so_it_is_with_operations_of_our_own_in_others_traces(foreign, monkeypatch):
    monkeypatch.setattr(derivation, "_MOST_TRACES", 10)
    for trace_id in range(1, 31):
        parent = SpanContext(trace_id, 1, is_remote=True, trace_flags=TraceFlags(1))
        attached = attach(set_span_in_context(NonRecordingSpan(parent)))
        with telemetry.chat("m", provider="p"):
            pass
        detach(attached)

    assert len(foreign.provider._active_span_processor.reader._reader._derivation._own) == 10


def test_what_is_remembered_of_a_trace_goes_with_it(foreign):
    with foreign.span("app", {}):
        foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))
        reader = foreign.provider._active_span_processor.reader._reader
        assert len(reader._derivation._traces._traces) == 1

    assert len(reader._derivation._traces._traces) == 0


def test_what_goes_wrong_in_deriving_is_contained(foreign, monkeypatch, caplog):
    def broken(*_args, **_kwargs):
        raise RuntimeError("bug")

    monkeypatch.setattr(derivation, "call_of", broken)
    monkeypatch.setattr(derivation.Derivation, "own_started", broken)
    foreign.call(OFFICIAL, CHAT[OFFICIAL])
    with telemetry.chat("m", provider="p"):
        pass

    assert foreign.kairos.value("kairos.telemetry.dropped", signal="metrics") >= 1
    assert "genai could not record" in caplog.text


@pytest.mark.kairos(genai=False)
def test_genai_false_derives_nothing(foreign):
    foreign.call(OFFICIAL, CHAT[OFFICIAL], TimeoutError("slow"))

    assert foreign.errors() == {}


# -- corners -------------------------------------------------------------------------------------


def test_the_exception_behind_the_one_in_flight_may_be_the_one_told_of(foreign):
    error = TimeoutError("slow")
    with foreign.span(OFFICIAL, CHAT[OFFICIAL]) as span:
        try:
            raise RuntimeError("wrapped") from error
        except RuntimeError:
            span.record_exception(error)
            span.set_status(StatusCode.ERROR)
            span.end()
    telemetry.record_error(error)

    assert foreign.errors() == {"timeout llm": 1}


def test_an_exception_without_a_text_is_counted_too(foreign):
    class SilentError(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    with foreign.span(OFFICIAL, CHAT[OFFICIAL]) as span:
        try:
            raise SilentError
        except SilentError:
            span.set_attribute("error.type", "SilentError")
            span.end()

    assert foreign.errors() == {"internal_error llm": 1}


def test_calls_of_several_kinds_in_each_other_are_several(foreign):
    with foreign.span(OFFICIAL, TOOL), foreign.span(OPENINFERENCE, CHAT[OPENINFERENCE]):
        pass

    assert duration_count(foreign.kairos) == 1
    assert duration_count(foreign.kairos, "gen_ai.execute_tool.duration") == 1


def test_a_call_without_a_model_may_be_any(foreign):
    with (
        foreign.span(OFFICIAL, CHAT[OFFICIAL]),
        foreign.span(OPENINFERENCE, {"openinference.span.kind": "LLM"}),
    ):
        pass

    assert duration_count(foreign.kairos) == 1


def test_a_span_without_a_scope_is_read(foreign):
    span = foreign.provider.get_tracer("x").start_span("call", attributes=CHAT[OFFICIAL])
    span._instrumentation_scope = None
    reader = foreign.provider._active_span_processor.reader._reader
    reader.on_start(span)
    span.end()

    assert duration_count(foreign.kairos) == 1


def test_operations_that_nobody_knows_yet_are_passed_over(foreign):
    foreign.call(OFFICIAL, {"gen_ai.operation.name": "dream", "gen_ai.request.model": "m"}, ValueError("no"))

    assert foreign.errors() == {}


def test_agents_and_chains_in_each_other_are_no_twins(foreign):
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
    with foreign.span(OPENINFERENCE, CHAIN):
        foreign.call(OFFICIAL, agent)

    assert duration_count(foreign.kairos, "gen_ai.invoke_agent.duration") == 1


def test_an_endless_chain_of_causes_is_not_followed_to_its_end(foreign):
    error: Exception = TimeoutError("slow")
    for number in range(20):
        wrapper = RuntimeError(str(number))
        wrapper.__cause__ = error
        error = wrapper
    with foreign.span(OFFICIAL, CHAT[OFFICIAL]) as span:
        try:
            raise error
        except RuntimeError:
            span.record_exception(TimeoutError("slow"))
            span.set_status(StatusCode.ERROR)
            span.end()

    assert foreign.errors() == {"timeout llm": 1}


def test_what_an_instrumentor_measures_itself_is_not_measured_again(foreign):
    meters = HANDLE.global_providers.meter_provider
    meter = meters.get_meter("measuring.scope")
    durations = meter.create_histogram("gen_ai.client.operation.duration")
    meter.create_histogram("gen_ai.client.token.usage")
    tokens = {**CHAT[OFFICIAL], "gen_ai.usage.input_tokens": 7}
    try:
        with foreign.span("app", {}), foreign.span("measuring.scope.v1", tokens):
            foreign.call(OPENINFERENCE, {**CHAT[OPENINFERENCE], "llm.token_count.prompt": 7})
            durations.record(1.0)
        foreign.call("measuring.scope_of_another", tokens)
    finally:
        meters.histograms.clear()

    assert duration_count(foreign.kairos) == 2
    assert foreign.kairos.value("gen_ai.client.token.usage", {"gen_ai.token.type": "input"}) == 7


def test_spans_of_instrumentors_that_measure_may_end_after_their_trace(foreign):
    meters = HANDLE.global_providers.meter_provider
    meters.get_meter("measuring.scope").create_histogram("gen_ai.client.token.usage")
    try:
        with foreign.span("app", {}):
            late = foreign.provider.get_tracer("measuring.scope").start_span("not a call")
        late.end()
        foreign.call("measuring.scope", {})
    finally:
        meters.histograms.clear()

    assert foreign.errors() == {}


@pytest.mark.parametrize("error_type", ["tool_error", "_OTHER"])
def test_a_span_around_our_own_operation_is_another_word_for_it(foreign, kairos, error_type):
    tracer = HANDLE.telemetry.providers.tracer_provider.get_tracer(OFFICIAL)
    with tracer.start_as_current_span("tools/call search", attributes=TOOL) as outer:
        with suppress(ConnectionError), telemetry.execute_tool("search"):
            raise ConnectionError("gone")
        outer.set_attribute("error.type", error_type)
        outer.set_status(StatusCode.ERROR)

    assert foreign.errors() == {"tool_failure tool": 1}
    assert duration_count(kairos, "gen_ai.execute_tool.duration") == 1
