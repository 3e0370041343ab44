# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
import pickle
import threading
from urllib.error import HTTPError

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from agent_runtime import (
    Agent,
    BreakerSettings,
    CircuitOpenError,
    FunctionTool,
    InProcessMemory,
    Message,
    Policy,
    Resilience,
    Role,
    Timing,
    Usage,
    Value,
)
from agent_runtime.faults import (
    Fault,
    FaultPlan,
    bad_request,
    connection_reset,
    malformed_reply,
    not_found,
    rate_limit,
    server_error,
    timeout,
    unauthorized,
)
from agent_runtime.llm import ScriptedModel, Step, call_tools, say
from telemetry import CircuitState, ErrorCode, HealthStatus, KairosError

OK = say("done", usage=Usage(10, 2))
SEARCH = call_tools(("search", {"query": "tea"}), usage=Usage(5, 1))


class Clock:
    """Seconds that pass only by sleeping or by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def resilience(clock: Clock | None = None, **settings) -> Resilience:
    clock = clock or Clock()
    timing = Timing(clock=clock, sleep=clock.sleep, uniform=lambda _low, high: high)
    return Resilience(timing=timing, **settings)


def agent(*steps: Step, **settings) -> Agent:
    settings.setdefault("resilience", resilience())
    return Agent(ScriptedModel(steps, name="atlas"), name="helper", **settings)


def search_tool(*faults: Fault | None, name: str = "search") -> FunctionTool:
    plan = FaultPlan(faults)

    async def search(query: str, limit: int = 1) -> list[str]:
        """Search documents."""
        await plan.next()
        return [query] * limit

    return FunctionTool(search, name=name)


# -- what it does ------------------------------------------------------------------------------


def test_it_answers():
    result = agent(OK, new_id=lambda: "run-1").run_sync("hello")
    assert (result.output, result.iterations, result.run_id, result.usage) == (
        "done",
        1,
        "run-1",
        Usage(10, 2),
    )
    assert result.messages == (Message(Role.USER, "hello"), Message(Role.ASSISTANT, "done"))


def test_it_runs_tools_until_the_model_answers():
    model = ScriptedModel([SEARCH, OK])
    result = Agent(model, [search_tool()], instructions="Be brief.").run_sync("find tea")
    assert (result.output, result.iterations, result.usage) == ("done", 2, Usage(15, 3))
    assert [tool.content for tool in result.tool_results] == ['["tea"]']
    assert [message.role for message in model.requests[1]] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
        Role.TOOL,
    ]
    assert model.requests[1][3].tool_call_id == "call_1"


def test_tools_of_one_answer_run_at_the_same_time_and_answer_in_order():
    arrived: list[str] = []
    both = asyncio.Event()

    async def meet(name: str) -> str:
        arrived.append(name)
        if len(arrived) == 2:
            both.set()
        await both.wait()
        return name

    steps = [call_tools(("meet", {"name": "a"}), ("meet", {"name": "b"})), OK]
    result = Agent(ScriptedModel(steps), [meet]).run_sync("go")
    assert [tool.content for tool in result.tool_results] == ["a", "b"]


def test_memory_is_kept_by_session():
    model = ScriptedModel([say("one"), say("two"), say("three")])
    remembering = Agent(model, memory=InProcessMemory())
    remembering.run_sync("first", session_id="a")
    remembering.run_sync("second", session_id="a")
    remembering.run_sync("third", session_id="b")
    assert [message.content for message in model.requests[1]] == ["first", "one", "second"]
    assert [message.content for message in model.requests[2]] == ["third"]


def test_without_a_session_the_agent_has_one_conversation():
    model = ScriptedModel([say("one"), say("two")])
    remembering = Agent(model, memory=InProcessMemory())
    remembering.run_sync("first")
    remembering.run_sync("second")
    assert [message.content for message in model.requests[1]] == ["first", "one", "second"]


def test_run_sync_inside_an_event_loop_says_what_to_do():
    async def inside() -> None:
        agent(OK).run_sync("hello")

    with pytest.raises(
        RuntimeError, match=r"agent 'helper': run_sync was called inside .* use `await agent.run"
    ):
        asyncio.run(inside())


def test_at_least_one_iteration_is_needed():
    with pytest.raises(ValueError, match="max_iterations=0: allowed are whole numbers from 1 upwards"):
        agent(max_iterations=0)


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ValueError, match="tools: search given twice; every tool needs its own name"):
        agent(tools=[search_tool(), search_tool()])


def test_a_fallback_needs_its_tool():
    settings = resilience(fallback_tools={"find": (Value("x"),)})
    with pytest.raises(
        ValueError, match="fallback_tools: find is no tool of this agent; its tools are: search"
    ):
        agent(tools=[search_tool()], resilience=settings)


# -- what it reports: one row per thing that may happen ------------------------------------------

LLM_DOWN = ("llm_error", "llm", True)
TOOL_DOWN = ("tool_failure", "tool.search", True)


@pytest.mark.parametrize(
    ("faults", "errors", "is_answered"),
    [
        ([], {}, True),
        ([rate_limit(2.0)], {("rate_limit", "llm", True): 1}, True),
        ([timeout(), timeout()], {("timeout", "llm", True): 2}, True),
        ([server_error(500), connection_reset()], {LLM_DOWN: 2}, True),
        ([server_error(500), timeout()], {LLM_DOWN: 1, ("timeout", "llm", True): 1}, True),
        ([server_error(529)] * 3, {LLM_DOWN: 3}, False),
        ([malformed_reply()], {("llm_error", "llm", False): 1}, False),
        ([unauthorized()], {("unauthorized", "llm", False): 1}, False),
        ([not_found()], {("not_found", "llm", False): 1}, False),
        ([bad_request()], {("invalid_input", "llm", False): 1}, False),
    ],
    ids=lambda value: "+".join(fault.name for fault in value) or "well" if isinstance(value, list) else None,
)
def test_a_models_errors_are_counted_once_and_recovered_when_made_good(
    observed, faults: list[Fault], errors: dict, is_answered: bool
):
    helper = agent(*faults, OK)
    if is_answered:
        assert helper.run_sync("hello").output == "done"
    else:
        with pytest.raises((OSError, KairosError)):
            helper.run_sync("hello")
    assert observed.errors == errors
    assert observed.recovered == (errors if is_answered else {})
    assert observed.rate == sum(errors.values())


def test_retry_after_is_honoured():
    clock = Clock()
    agent(rate_limit(7.0), OK, resilience=resilience(clock)).run_sync("hello")
    assert clock.slept == [7.0]


def test_a_fallback_models_answer_makes_every_error_before_it_good(observed):
    backup = ScriptedModel([rate_limit(1.0), OK], name="small")
    settings = resilience(fallback_models=(backup,))
    result = agent(*[server_error()] * 3, resilience=settings).run_sync("hello")
    assert result.output == "done"
    assert observed.errors == observed.recovered == {LLM_DOWN: 3, ("rate_limit", "llm.small", True): 1}


def test_a_fallback_model_that_fails_too_leaves_the_errors_open(observed):
    settings = resilience(fallback_models=(ScriptedModel([unauthorized()], name="small"),))
    with pytest.raises(OSError, match="401"):
        agent(*[server_error()] * 3, resilience=settings).run_sync("hello")
    assert observed.errors == {LLM_DOWN: 3, ("unauthorized", "llm.small", False): 1}
    assert observed.recovered == {}


@pytest.mark.parametrize(
    ("faults", "errors", "is_answered"),
    [
        ([connection_reset()], {TOOL_DOWN: 1}, True),
        ([timeout()], {("timeout", "tool.search", True): 1}, True),
        ([server_error()] * 3, {TOOL_DOWN: 3}, False),
        ([malformed_reply()], {("tool_failure", "tool.search", False): 1}, False),
        ([unauthorized()], {("unauthorized", "tool.search", False): 1}, False),
    ],
    ids=lambda value: "+".join(fault.name for fault in value) if isinstance(value, list) else None,
)
def test_a_tools_errors_go_to_the_model_and_do_not_end_the_run(
    observed, faults: list[Fault], errors: dict, is_answered: bool
):
    result = agent(SEARCH, OK, tools=[search_tool(*faults)]).run_sync("find tea")
    assert result.output == "done"
    assert [tool.is_error for tool in result.tool_results] == [not is_answered]
    assert observed.errors == errors
    assert observed.recovered == (errors if is_answered else {})


def test_what_a_tool_raises_is_told_to_the_model():
    def search(query: str) -> str:
        raise LookupError(f"no {query}")

    result = agent(SEARCH, OK, tools=[search]).run_sync("find tea")
    assert result.tool_results[0].content == "Error: LookupError: no tea"


def test_wrong_arguments_go_back_to_the_model_and_its_correction_makes_them_good(observed):
    wrong = call_tools(("search", {"query": "tea", "limit": "many"}))
    backup = search_tool(name="backup")
    settings = resilience(fallback_tools={"search": (backup,)})
    result = agent(wrong, SEARCH, OK, tools=[search_tool()], resilience=settings).run_sync("find tea")
    first, second = result.tool_results
    assert first.is_error
    assert "limit: Input should be a valid integer" in first.content
    assert (second.is_error, second.content) == (False, '["tea"]')
    assert observed.errors == observed.recovered == {("invalid_input", "tool.search", False): 1}
    assert observed.health["tool.search"] is HealthStatus.HEALTHY


def test_a_call_beside_a_failed_one_does_not_make_it_good(observed):
    both = call_tools(("search", {"query": 1}), ("search", {"query": "tea"}))
    agent(both, OK, tools=[search_tool()]).run_sync("find tea")
    assert observed.errors == {("invalid_input", "tool.search", False): 1}
    assert observed.recovered == {}


def test_a_later_call_makes_parallel_failures_good(observed):
    both = call_tools(("search", {"query": 1}), ("search", {"query": 2}))
    agent(both, SEARCH, OK, tools=[search_tool()]).run_sync("find tea")
    assert observed.recovered == {("invalid_input", "tool.search", False): 2}


def test_a_tool_that_does_not_exist_is_not_found(observed):
    result = agent(call_tools(("taxi", {})), OK, tools=[search_tool()]).run_sync("go")
    assert result.tool_results[0].content == "Error: there is no tool 'taxi'; the tools are: search"
    assert observed.errors == {("not_found", "tool", False): 1}
    assert observed.span("execute_tool taxi").status.status_code is StatusCode.ERROR


def test_a_fallback_tool_answers_instead(observed):
    settings = resilience(fallback_tools={"search": (search_tool(name="archive"),)})
    broken = search_tool(*[server_error()] * 3)
    result = agent(SEARCH, OK, tools=[broken], resilience=settings).run_sync("find tea")
    assert [(tool.name, tool.content) for tool in result.tool_results] == [("search", '["tea"]')]
    assert observed.errors == observed.recovered == {TOOL_DOWN: 3}
    assert observed.span("execute_tool search").status.status_code is StatusCode.ERROR
    assert observed.span("execute_tool archive").status.status_code is StatusCode.UNSET


def test_a_value_answers_instead(observed):
    settings = resilience(fallback_tools={"search": (Value("nothing found"),)})
    result = agent(SEARCH, OK, tools=[search_tool(malformed_reply())], resilience=settings).run_sync(
        "find tea"
    )
    assert [tool.content for tool in result.tool_results] == ["nothing found"]
    assert observed.errors == observed.recovered == {("tool_failure", "tool.search", False): 1}


def test_memory_that_fails_leaves_the_run_without_memory(observed):
    memory = InProcessMemory(faults=FaultPlan([connection_reset()] * 3))
    helper = agent(OK, OK, memory=memory)
    assert helper.run_sync("hello").output == "done"
    assert observed.errors == {("memory_error", "memory", True): 3}
    assert observed.recovered == {}
    assert observed.span("memory load").status.status_code is StatusCode.ERROR
    assert observed.span("invoke_agent helper").status.status_code is StatusCode.UNSET


def test_memory_that_fails_is_degraded_until_it_works(observed):
    memory = InProcessMemory(faults=FaultPlan([None, *[connection_reset()] * 3]))
    helper = agent(OK, OK, memory=memory)
    helper.run_sync("hello")
    assert observed.health["memory"] is HealthStatus.DEGRADED
    helper.run_sync("hello")
    assert observed.health["memory"] is HealthStatus.HEALTHY


def test_a_memory_error_that_a_retry_made_good_is_recovered(observed):
    agent(OK, memory=InProcessMemory(faults=FaultPlan([timeout()]))).run_sync("hello")
    assert observed.errors == observed.recovered == {("timeout", "memory", True): 1}


def test_an_agent_that_never_finishes_is_an_internal_error(observed):
    helper = agent(SEARCH, SEARCH, tools=[search_tool()], max_iterations=2)
    with pytest.raises(KairosError, match="agent 'helper' did not finish within max_iterations=2"):
        helper.run_sync("find tea")
    assert observed.errors == {("internal_error", "agent", False): 1}


@pytest.mark.parametrize("settings", [resilience(), Resilience(is_enabled=False)], ids=["guarded", "off"])
def test_a_cancelled_run_is_no_error(observed, settings: Resilience):
    called = asyncio.Event()

    async def hang() -> str:
        """Never answer."""
        called.set()
        await asyncio.Event().wait()
        return ""

    async def cancelled() -> None:
        task = asyncio.create_task(
            agent(call_tools(("hang", {})), tools=[hang], resilience=settings).run("go")
        )
        await called.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert observed.errors == {}
    assert {span.status.status_code for span in observed.spans} == {StatusCode.UNSET}


# -- circuit breakers and health -----------------------------------------------------------------


def test_every_component_appears_at_once(observed):
    agent(
        tools=[search_tool()],
        memory=InProcessMemory(),
        resilience=resilience(fallback_models=(ScriptedModel(name="small"),)),
    )
    components = {"llm", "llm.small", "tool.search", "memory"}
    assert observed.circuit == dict.fromkeys(components, CircuitState.CLOSED)
    assert observed.health == dict.fromkeys(components, HealthStatus.HEALTHY)


def test_an_agent_made_before_the_pipeline_appears_with_its_first_run(request: pytest.FixtureRequest):
    early = agent(OK)
    observed = request.getfixturevalue("observed")
    early.run_sync("hello")
    assert observed.circuit == {"llm": CircuitState.CLOSED}


def test_a_breaker_opens_refuses_tries_again_and_closes(observed):
    clock = Clock()
    backup = ScriptedModel([OK] * 3, name="small")
    helper = agent(*[server_error()] * 5, OK, OK, resilience=resilience(clock, fallback_models=(backup,)))
    seen = []
    for pause_s in (0.0, 0.0, 0.0, 30.0, 0.0):
        clock.now += pause_s
        helper.run_sync("hello")
        seen.append((observed.circuit["llm"].name, observed.health["llm"].name))
    assert seen == [
        ("CLOSED", "DEGRADED"),  # three failures
        ("OPEN", "UNHEALTHY"),  # two more, then refused
        ("OPEN", "UNHEALTHY"),
        ("HALF_OPEN", "DEGRADED"),
        ("CLOSED", "HEALTHY"),
    ]
    assert observed.errors == observed.recovered == {LLM_DOWN: 7}  # five failures, two refusals


def test_an_open_breaker_fails_fast(observed):
    settings = resilience(model=Policy(retry=None, breaker=BreakerSettings(failure_threshold=1)))
    helper = agent(server_error(), resilience=settings)
    with pytest.raises(OSError, match="500"):
        helper.run_sync("hello")
    with pytest.raises(CircuitOpenError, match=r"^llm was not called: .* tried again in 30\.0 s$") as caught:
        helper.run_sync("hello")
    assert (caught.value.component, caught.value.retry_in_s, caught.value.recoverable) == ("llm", 30.0, True)
    assert observed.errors == {LLM_DOWN: 2}


def test_a_refusal_survives_a_process_boundary():
    copy = pickle.loads(pickle.dumps(CircuitOpenError(ErrorCode.LLM_ERROR, "llm", 3.0)))
    assert (copy.code, copy.component, copy.retry_in_s) == (ErrorCode.LLM_ERROR, "llm", 3.0)


def test_a_tools_breaker_leaves_the_others_alone(observed):
    steps = [call_tools(("search", {"query": "tea"}), ("archive", {"query": "tea"}))] * 2
    tools = [search_tool(*[server_error()] * 5), search_tool(name="archive")]
    agent(*steps, OK, tools=tools).run_sync("find tea")
    assert observed.circuit["tool.search"] is CircuitState.OPEN
    assert observed.circuit["tool.archive"] is CircuitState.CLOSED


def test_requests_that_are_wrong_do_not_open_a_breaker(observed):
    helper = agent(*[bad_request()] * 9)
    for _ in range(9):
        with pytest.raises(OSError, match="400"):
            helper.run_sync("hello")
    assert observed.circuit["llm"] is CircuitState.CLOSED
    assert observed.health["llm"] is HealthStatus.HEALTHY


def test_a_slow_model_times_out(observed):
    class Slow(ScriptedModel):
        async def complete(self, messages, tools):
            await asyncio.Event().wait()

    settings = Resilience(model=Policy(timeout_s=0.01, retry=None))
    with pytest.raises(TimeoutError, match=r"llm did not answer within 0\.01 s"):
        Agent(Slow(name="atlas"), resilience=settings).run_sync("hello")
    assert observed.errors == {("timeout", "llm", True): 1}


def test_with_resilience_off_errors_are_still_reported(observed):
    settings = Resilience(is_enabled=False, fallback_models=(ScriptedModel([OK]),))
    helper = agent(SEARCH, server_error(), tools=[search_tool(connection_reset())], resilience=settings)
    with pytest.raises(OSError, match="500"):
        helper.run_sync("hello")
    assert observed.errors == {LLM_DOWN: 1, TOOL_DOWN: 1}
    assert observed.recovered == {}
    assert observed.circuit == {}
    assert observed.health == {"llm": HealthStatus.DEGRADED, "tool.search": HealthStatus.DEGRADED}


# -- spans ---------------------------------------------------------------------------------------


def test_spans_carry_the_contracts_names_and_attributes(observed):
    ids = iter(["agent-1", "run-1"])
    helper = agent(
        SEARCH, OK, tools=[search_tool()], role="research", max_iterations=5, new_id=lambda: next(ids)
    )
    helper.run_sync("find tea", session_id="session-1")
    run, first, tool, second = observed.spans
    assert [span.name for span in observed.spans] == [
        "invoke_agent helper",
        "chat atlas",
        "execute_tool search",
        "chat atlas",
    ]
    assert [span.kind for span in observed.spans] == [
        SpanKind.INTERNAL,
        SpanKind.CLIENT,
        SpanKind.INTERNAL,
        SpanKind.CLIENT,
    ]
    assert run.parent is None
    assert {span.parent.span_id for span in (first, tool, second)} == {run.context.span_id}
    everywhere = {
        "kairos.agent.id": "agent-1",
        "kairos.agent.role": "research",
        "kairos.agent.model": "atlas",
        "kairos.agent.run_id": "run-1",
        "kairos.agent.max_iterations": 5,
        "kairos.session.id": "session-1",
        "gen_ai.conversation.id": "session-1",
    }
    for span in observed.spans:
        assert everywhere.items() <= dict(span.attributes).items()
    assert run.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert run.attributes["gen_ai.agent.name"] == "helper"
    assert "gen_ai.provider.name" not in run.attributes
    totals = {
        "gen_ai.usage.input_tokens": 15,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.response.finish_reasons": ("stop",),
    }
    assert totals.items() <= dict(run.attributes).items()
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.system": "scripted",
        "gen_ai.request.model": "atlas",
        "gen_ai.response.model": "atlas",
        "gen_ai.response.finish_reasons": ("tool_calls",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 1,
        "kairos.agent.iteration": 1,
    }
    assert chat.items() <= dict(first.attributes).items()
    assert second.attributes["kairos.agent.iteration"] == 2
    used = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.agent.name": "helper",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Search documents.",
        "kairos.tool.name": "search",
        "kairos.tool.call_id": "call_1",
        "kairos.tool.source": "function",
        "kairos.tool.success": True,
        "kairos.agent.iteration": 1,
    }
    assert used.items() <= dict(tool.attributes).items()
    assert tool.attributes["kairos.tool.duration_ms"] >= 0


def test_an_error_that_a_retry_made_good_is_no_error_of_any_span(observed):
    agent(timeout(), SEARCH, OK, tools=[search_tool(timeout())]).run_sync("find tea")
    assert len(observed.spans) == 4
    for span in observed.spans:
        assert span.status.status_code is StatusCode.UNSET
        assert "error.type" not in span.attributes
        assert not span.events


def test_an_error_that_ends_the_run_is_on_its_spans_with_one_event(observed):
    with pytest.raises(OSError, match="500"):
        agent(*[server_error()] * 3).run_sync("hello")
    run, chat = observed.spans
    for span in (run, chat):
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.code"] == "llm_error"
        assert span.attributes["error.recoverable"] is True
        assert span.attributes["component"] == "llm"
        assert span.attributes["error.type"] == "urllib.error.HTTPError"
    assert [event.name for event in (*run.events, *chat.events)] == ["exception"]


def test_a_failed_tool_is_on_its_span_and_not_on_the_runs(observed):
    agent(SEARCH, OK, tools=[search_tool(unauthorized())]).run_sync("find tea")
    tool = observed.span("execute_tool search")
    assert tool.status.status_code is StatusCode.ERROR
    assert tool.attributes["component"] == "tool.search"
    assert tool.attributes["kairos.tool.success"] is False
    assert observed.span("invoke_agent helper").status.status_code is StatusCode.UNSET


def test_tokens_that_nobody_reported_are_not_made_up(observed):
    result = agent(say("one")).run_sync("hello")
    assert result.usage == Usage(0, 0)
    assert not [name for span in observed.spans for name in span.attributes if "usage" in name]


def test_without_a_session_none_is_made_up(observed):
    agent(OK).run_sync("hello")
    assert "kairos.session.id" not in observed.spans[0].attributes
    assert "gen_ai.conversation.id" not in observed.spans[0].attributes


def test_no_content_leaves_the_process_by_default(kairos):
    agent(SEARCH, say("a secret answer"), tools=[search_tool()]).run_sync("a secret prompt")
    kairos.assert_no_content_leaked("secret", "tea")


def test_retries_and_fallbacks_are_logged_in_their_span(observed, kairos):
    backup = ScriptedModel([OK], name="small")
    settings = resilience(fallback_models=(backup,))
    agent(timeout(), malformed_reply(), resilience=settings).run_sync("hello")
    logs = [(item.log_record.body, item.log_record.span_id) for item in kairos.logs]
    assert logs == [
        (
            "llm: attempt 1 failed, next in 0.50 s: the request timed out",
            observed.span("chat atlas").context.span_id,
        ),
        (
            "falling back to model small: JSONDecodeError: Expecting value: line 1 column 14 (char 13)",
            observed.span("invoke_agent helper").context.span_id,
        ),
    ]


def test_a_thousand_concurrent_runs_count_exactly(observed):
    class Flaky(ScriptedModel):
        async def complete(self, messages, tools):
            await asyncio.sleep(0)
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls % 2:
                raise TimeoutError
            return OK

    settings = resilience(model=Policy(breaker=None))
    helper = Agent(Flaky(name="atlas"), resilience=settings)

    async def many() -> int:
        results = await asyncio.gather(*(helper.run("hello") for _ in range(1000)), return_exceptions=True)
        return sum(isinstance(result, TimeoutError) for result in results)

    failed = asyncio.run(many())
    errors = observed.errors["timeout", "llm", True]
    assert errors - observed.recovered["timeout", "llm", True] == 3 * failed


def test_one_agent_serves_threads_with_loops_of_their_own(observed):
    class OnceFlaky(ScriptedModel):
        """Fails the first time that it sees a prompt."""

        seen: set[str]

        async def complete(self, messages, tools):
            prompt = messages[-1].content
            if prompt not in self.seen:
                self.seen.add(prompt)
                raise TimeoutError
            return OK

    model = OnceFlaky(name="atlas")
    model.seen = set()
    helper = Agent(model, resilience=resilience(model=Policy(breaker=None)))

    def work(thread: int) -> None:
        for number in range(50):
            helper.run_sync(f"{thread}/{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert observed.errors == observed.recovered == {("timeout", "llm", True): 200}


def test_breakers_are_there_to_listen_to():
    watched = agent(OK, tools=[search_tool()], memory=InProcessMemory())
    assert sorted(watched.breakers) == ["llm", "memory", "tool.search"]
    news: list[CircuitState] = []
    watched.breakers["llm"].listen(news.append)
    assert news == [CircuitState.CLOSED]
    assert agent(OK, resilience=resilience(is_enabled=False)).breakers == {}


def test_a_component_can_have_a_policy_of_its_own(observed):
    own = {"tool.search": Policy(retry=None)}
    tools = [search_tool(connection_reset()), search_tool(connection_reset(), name="find")]
    both = call_tools(("search", {"query": "a"}), ("find", {"query": "b"}))
    result = agent(both, OK, tools=tools, resilience=resilience(components=own)).run_sync("go")
    assert [tool.is_error for tool in result.tool_results] == [True, False]
    assert observed.errors == {
        ("tool_failure", "tool.search", True): 1,
        ("tool_failure", "tool.find", True): 1,
    }
    assert observed.recovered == {("tool_failure", "tool.find", True): 1}


@pytest.mark.kairos(capture_content="span")
def test_content_is_on_the_spans_when_asked_for(observed):
    called = call_tools(("search", {"query": "tea"}), text="Looking.")
    agent(called, OK, tools=[search_tool()], instructions="Be brief.").run_sync("find tea")
    second = next(span for span in observed.spans[::-1] if span.name == "chat atlas").attributes
    assert json.loads(second["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(second["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "find tea"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "Looking."},
                {"type": "tool_call", "id": "call_1", "name": "search", "arguments": '{"query": "tea"}'},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": '["tea"]'}]},
    ]
    assert json.loads(second["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "done"}], "finish_reason": "stop"}
    ]
    tool = observed.span("execute_tool search").attributes
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == '{"query": "tea"}'
    assert json.loads(tool["gen_ai.tool.call.result"]) == '["tea"]'


@pytest.mark.kairos(capture_content="span")
def test_what_a_failed_model_was_asked_is_on_its_span(observed):
    with pytest.raises(HTTPError, match="500"):
        agent(server_error(), resilience=resilience(is_enabled=False)).run_sync("hello")
    attributes = observed.span("chat atlas").attributes
    assert "hello" in attributes["gen_ai.input.messages"]
    assert "gen_ai.output.messages" not in attributes
    assert "gen_ai.system_instructions" not in attributes
