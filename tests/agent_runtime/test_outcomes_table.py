# SPDX-License-Identifier: Apache-2.0
"""The table: what each outcome of a run reports, for every provider and every way to run an agent.

Exact in both directions: all series of the five instruments, all spans with all their attributes.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from support.agent_providers import PROVIDERS, Provider
from support.llm_server import LLMServer

from agent_runtime import (
    Agent,
    BreakerSettings,
    InProcessMemory,
    Policy,
    Resilience,
    RunResult,
    Timing,
)
from agent_runtime.faults import FaultPlan, connection_reset
from telemetry import CircuitState, HealthStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.testing import TelemetryProbe

OPEN, CLOSED = CircuitState.OPEN, CircuitState.CLOSED
UNHEALTHY, DEGRADED, HEALTHY = HealthStatus.UNHEALTHY, HealthStatus.DEGRADED, HealthStatus.HEALTHY
GOOD, WRONG = {"query": "tea"}, {"query": 1}
Kind = tuple[str, str, str]  # error.code, component, recoverable


# -- the ways to run an agent ----------------------------------------------------------------------


def run_sync(agent: Agent) -> RunResult:
    return agent.run_sync("find tea", session_id="session-1")


def run_async(agent: Agent) -> RunResult:
    return asyncio.run(agent.run("find tea", session_id="session-1"))


async def _stream(agent: Agent) -> RunResult:
    last = None
    async with contextlib.aclosing(agent.stream("find tea", session_id="session-1")) as events:
        async for event in events:
            last = event
    assert isinstance(last, RunResult)
    return last


def run_stream(agent: Agent) -> RunResult:
    return asyncio.run(_stream(agent))


Cancel = Callable[[Agent, Provider, list[asyncio.AbstractEventLoop]], None]
WAYS: dict[str, Callable[[Agent], RunResult]] = {"sync": run_sync, "async": run_async, "stream": run_stream}


def cancel_sync(agent: Agent, provider: Provider, loops: list[asyncio.AbstractEventLoop]) -> None:
    """Ctrl-C: the only way to cancel a call that blocks."""
    main = threading.main_thread()

    def interrupt() -> None:
        if provider.is_asked.wait(10):
            signal.pthread_kill(main.ident or 0, signal.SIGINT)
            # A signal that arrives just before the loop falls asleep does not keep it awake.
            with contextlib.suppress(RuntimeError):  # it was awake, and has ended already
                loops[0].call_soon_threadsafe(lambda: None)

    other = threading.Thread(target=interrupt)
    other.start()
    with pytest.raises(KeyboardInterrupt):
        run_sync(agent)
    other.join()


def cancel_task(run: Callable[[Agent], Any]) -> Cancel:
    def cancel(agent: Agent, provider: Provider, _loops: list[asyncio.AbstractEventLoop]) -> None:
        async def cancelled() -> None:
            task = asyncio.create_task(run(agent))
            await asyncio.to_thread(provider.is_asked.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancelled())

    return cancel


CANCELLATIONS: dict[str, Cancel] = {
    "sync": cancel_sync,
    "async": cancel_task(lambda agent: agent.run("find tea", session_id="session-1")),
    "stream": cancel_task(_stream),
}


# -- the table -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """What a span has beyond what every span of its kind has.

    Attributes:
        name: Its name.
        error: `error.code`, `component`, `recoverable` and `error.type`, which may be a key of the
            provider's own types; None: it did not fail.
        is_answered: Whether a model answered, or a tool was called with success.
        has_begun: Whether any of a streamed answer arrived.
        usage: What the model read and wrote.
        calls_tools: Whether the answer calls tools.
        iteration: Which answer of the run it belongs to.
    """

    name: str
    error: tuple[str, str, bool, str] | None = None
    is_answered: bool = True
    has_begun: bool = True
    usage: tuple[int, int] | None = None
    calls_tools: bool = False
    iteration: int = 1


def run(*, error: tuple[str, str, bool, str] | None = None, usage: tuple[int, int] | None = None) -> Span:
    return Span("invoke_agent helper", error, usage=usage)


def chat(iteration: int = 1, *, calls_tools: bool = False) -> Span:
    usage = (5, 1) if calls_tools else (10, 2)
    return Span("chat model-1", usage=usage, calls_tools=calls_tools, iteration=iteration)


def failed_chat(error: tuple[str, str, bool, str], *, has_begun: bool = False) -> Span:
    return Span("chat model-1", error, is_answered=False, has_begun=has_begun)


def tool(iteration: int = 1, *, error: tuple[str, str, bool, str] | None = None) -> Span:
    return Span("execute_tool search", error, is_answered=error is None, iteration=iteration)


LOAD, APPEND = Span("memory load"), Span("memory append")


@dataclass(frozen=True)
class Row:
    """One outcome.

    Attributes:
        script: What the model does.
        spans: All spans, in the order in which they begin.
        errors: All of `kairos.errors.total`; their sums are `kairos.errors.rate`.
        recovered: All of `kairos.errors.recovered`.
        health: What is not HEALTHY of `kairos.health.status`.
        circuit: What is not CLOSED of `kairos.circuitbreaker.state`.
        is_answered: Whether the run ends with an answer.
        waits: The waits that a service asked for.
        memory_faults: How many calls of the memory fail.
        tool_error: What the tool raises.
        timeout_s: The client's timeout.
        is_open: Whether the model's circuit breaker is open.
        is_cancelled: Whether the run is cancelled while the model is asked.
    """

    script: tuple[str | dict[str, object], ...]
    spans: tuple[Span, ...]
    errors: dict[Kind, int] = field(default_factory=dict)
    recovered: dict[Kind, int] = field(default_factory=dict)
    health: dict[str, HealthStatus] = field(default_factory=dict)
    circuit: dict[str, CircuitState] = field(default_factory=dict)
    is_answered: bool = True
    waits: tuple[float, ...] = ()
    memory_faults: int = 0
    tool_error: Exception | None = None
    timeout_s: float = 30.0
    is_open: bool = False
    is_cancelled: bool = False


LLM_DOWN = ("llm_error", "llm", "true")
LLM_TALKS_NONSENSE = ("llm_error", "llm", "false")
TIMEOUT = ("timeout", "llm", "true")
RATE_LIMIT = ("rate_limit", "llm", "true")
BAD_ARGUMENTS = ("invalid_input", "tool.search", "false")
TOOL_DOWN = ("tool_failure", "tool.search", "false")
MEMORY_DOWN = ("memory_error", "memory", "true")

ON_500 = ("llm_error", "llm", True, "500")
ON_NONSENSE = ("llm_error", "llm", False, "telemetry.errors.KairosError")
ON_TIMEOUT = ("timeout", "llm", True, "timeout")
ON_HALF = ("llm_error", "llm", True, "half")
REFUSED = "agent_runtime.resilience.guard.CircuitOpenError"

TABLE: dict[str, Row] = {
    "success": Row(
        script=(GOOD, "done"),
        spans=(run(usage=(15, 3)), LOAD, chat(calls_tools=True), tool(), chat(2), APPEND),
    ),
    "429 then success": Row(
        script=("429", "done"),
        spans=(run(usage=(10, 2)), LOAD, chat(), APPEND),
        errors={RATE_LIMIT: 1},
        recovered={RATE_LIMIT: 1},
        waits=(7.0,),
    ),
    "500 x 3": Row(
        script=("500", "500", "500"),
        spans=(run(error=ON_500), LOAD, failed_chat(ON_500)),
        errors={LLM_DOWN: 3},
        health={"llm": DEGRADED},
        is_answered=False,
    ),
    "timeout": Row(
        script=("timeout", "timeout", "timeout"),
        spans=(run(error=ON_TIMEOUT), LOAD, failed_chat(ON_TIMEOUT)),
        errors={TIMEOUT: 3},
        health={"llm": DEGRADED},
        is_answered=False,
        timeout_s=0.1,
    ),
    "reset mid-stream": Row(
        script=("half", "done"),
        spans=(run(usage=(10, 2)), LOAD, chat(), APPEND),
        errors={LLM_DOWN: 1},
        recovered={LLM_DOWN: 1},
    ),
    "overloaded, reset, then success": Row(
        script=("529", "reset", "done"),
        spans=(run(usage=(10, 2)), LOAD, chat(), APPEND),
        errors={LLM_DOWN: 2},
        recovered={LLM_DOWN: 2},
    ),
    "malformed JSON": Row(
        script=("malformed",),
        spans=(run(error=ON_NONSENSE), LOAD, failed_chat(ON_NONSENSE)),
        errors={LLM_TALKS_NONSENSE: 1},
        health={"llm": DEGRADED},
        is_answered=False,
    ),
    "bad tool arguments": Row(
        script=(WRONG, GOOD, "done"),
        spans=(
            run(usage=(20, 4)),
            LOAD,
            chat(calls_tools=True),
            tool(error=("invalid_input", "tool.search", False, "agent_runtime.tools.InvalidArgumentsError")),
            chat(2, calls_tools=True),
            tool(2),
            chat(3),
            APPEND,
        ),
        errors={BAD_ARGUMENTS: 1},
        recovered={BAD_ARGUMENTS: 1},
    ),
    "tool raises": Row(
        script=(GOOD, "done"),
        spans=(
            run(usage=(15, 3)),
            LOAD,
            chat(calls_tools=True),
            tool(error=("tool_failure", "tool.search", False, "telemetry.errors.KairosError")),
            chat(2),
            APPEND,
        ),
        errors={TOOL_DOWN: 1},
        health={"tool.search": DEGRADED},
        tool_error=LookupError("no tea"),
    ),
    "breaker open": Row(
        script=(),
        spans=(
            run(error=("llm_error", "llm", True, REFUSED)),
            LOAD,
            failed_chat(("llm_error", "llm", True, REFUSED)),
        ),
        errors={LLM_DOWN: 1},
        health={"llm": UNHEALTHY},
        circuit={"llm": OPEN},
        is_answered=False,
        is_open=True,
    ),
    "cancelled": Row(
        script=("hang",),
        spans=(run(), LOAD, Span("chat model-1", is_answered=False, has_begun=False)),
        is_answered=False,
        is_cancelled=True,
    ),
    "memory down": Row(
        script=("done",),
        spans=(
            run(usage=(10, 2)),
            Span("memory load", ("memory_error", "memory", True, "ConnectionResetError")),
            chat(),
            # Two more failures open the breaker, which refuses the third attempt.
            Span("memory append", ("memory_error", "memory", True, REFUSED)),
        ),
        errors={MEMORY_DOWN: 6},
        health={"memory": UNHEALTHY},
        circuit={"memory": OPEN},
        memory_faults=5,
    ),
}

STREAMED: dict[str, Row] = {
    **TABLE,
    # What was told cannot be taken back: there is no other attempt.
    "reset mid-stream": Row(
        script=("half",),
        spans=(run(error=ON_HALF), LOAD, failed_chat(ON_HALF, has_begun=True)),
        errors={LLM_DOWN: 1},
        health={"llm": DEGRADED},
        is_answered=False,
    ),
}


# -- one cell of it --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def the_server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


@pytest.mark.parametrize("outcome", TABLE)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PROVIDERS)
def test_an_outcome_reports_exactly(
    name: str, way: str, outcome: str, the_server: LLMServer, kairos: TelemetryProbe
) -> None:
    the_server.is_asked.clear()
    provider = PROVIDERS[name](the_server)
    row = (STREAMED if way == "stream" else TABLE)[outcome]
    waits: list[float] = []
    loops: list[asyncio.AbstractEventLoop] = []
    agent = _agent(row, provider, waits, loops)
    provider.order(*row.script)
    error: Exception | None = None
    if row.is_cancelled:
        CANCELLATIONS[way](agent, provider, loops)
    elif row.is_answered:
        assert WAYS[way](agent).output == "done"
    else:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - its type and text are compared with the span's
            WAYS[way](agent)
        error = caught.value
    assert provider.remaining == 0
    assert tuple(wait_s for wait_s in waits if wait_s) == row.waits
    assert _instruments(kairos) == _expected_instruments(row)
    spans = sorted(kairos.spans, key=lambda span: span.start_time or 0)
    assert [span.name for span in spans] == [span.name for span in row.spans]
    root = spans[0]
    for span, expected in zip(spans, row.spans, strict=True):
        assert span.kind is (SpanKind.CLIENT if span.name.startswith("chat") else SpanKind.INTERNAL)
        assert (span.parent is None) if span is root else (span.parent.span_id == root.context.span_id)
        assert _attributes(span) == _expected_attributes(expected, provider, is_streamed=way == "stream")
        assert span.status.status_code is (StatusCode.UNSET if expected.error is None else StatusCode.ERROR)
        if error is not None and expected.error is not None:
            assert span.status.description == str(error)
    failed = [span for span in row.spans if span.error is not None and span.name != root.name]
    assert [event.name for span in spans for event in span.events] == ["exception"] * len(failed)


def _agent(row: Row, provider: Provider, waits: list[float], loops: list[asyncio.AbstractEventLoop]) -> Agent:
    async def search(query: str) -> str:
        """Search documents."""
        if row.tool_error is not None:
            raise row.tool_error
        return f"{query}: green"

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def new_id() -> str:
        try:
            loops.append(asyncio.get_running_loop())
        except RuntimeError:
            return "agent-1"
        return "run-1"

    threshold = 1 if row.is_open else 5
    agent = Agent(
        provider.model(row.timeout_s),
        [search],
        InProcessMemory(faults=FaultPlan([connection_reset()] * row.memory_faults)),
        name="helper",
        resilience=Resilience(
            model=Policy(breaker=BreakerSettings(failure_threshold=threshold)),
            timing=Timing(clock=lambda: 0.0, sleep=sleep, uniform=lambda low, _high: low),
        ),
        new_id=new_id,
    )
    if row.is_open:
        permit = agent.breakers["llm"].enter()
        assert permit is not None
        permit.failed()
    return agent


def _instruments(kairos: TelemetryProbe) -> dict[str, dict[tuple[str, ...], float]]:
    """All series of the five instruments: by metric, the values by their attributes."""
    keys = ("error.code", "component", "recoverable")
    names = ("kairos.errors.", "kairos.health.status", "kairos.circuitbreaker.state")
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for point in kairos.metrics():
        if point.name.startswith(names):
            labels = tuple(str(point.attributes[key]) for key in keys if key in point.attributes)
            assert len(labels) == len(point.attributes)
            found.setdefault(point.name, {})[labels] = point.value
    return found


def _expected_instruments(row: Row) -> dict[str, dict[tuple[str, ...], float]]:
    components = ("llm", "tool.search", "memory")
    rate: dict[tuple[str, ...], float] = {(): sum(row.errors.values())}
    for (_, component, _), count in row.errors.items():
        rate[component,] = rate.get((component,), 0) + count
    expected: dict[str, dict[tuple[str, ...], float]] = {
        "kairos.errors.rate": rate,
        "kairos.health.status": {(each,): row.health.get(each, HEALTHY) for each in components},
        "kairos.circuitbreaker.state": {(each,): row.circuit.get(each, CLOSED) for each in components},
    }
    counters = {"kairos.errors.total": row.errors, "kairos.errors.recovered": row.recovered}
    return {**expected, **{name: dict(counts) for name, counts in counters.items() if counts}}


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    """All attributes; those that measure time are checked here, and only their presence is compared."""
    attributes = dict(span.attributes or {})
    for name in ("kairos.tool.duration_ms", "gen_ai.response.time_to_first_chunk"):
        if name in attributes:
            assert 0 <= attributes[name] < 60_000
            attributes[name] = "some"
    return attributes


def _expected_attributes(span: Span, provider: Provider, *, is_streamed: bool) -> dict[str, Any]:
    expected: dict[str, Any] = {
        "kairos.agent.id": "agent-1",
        "kairos.agent.role": "assistant",
        "kairos.agent.model": "model-1",
        "kairos.agent.run_id": "run-1",
        "kairos.agent.max_iterations": 10,
        "kairos.session.id": "session-1",
        "gen_ai.conversation.id": "session-1",
    }
    kind = span.name.split(" ")[0]
    if kind == "memory":
        expected["component"] = "memory"
    else:
        expected["gen_ai.operation.name"] = kind
    if kind == "invoke_agent":
        expected["gen_ai.agent.name"] = "helper"
        if span.usage is not None:
            expected["gen_ai.response.finish_reasons"] = (provider.is_done,)
    if kind == "chat":
        expected |= _of_chat(span, provider, is_streamed=is_streamed)
    if kind == "execute_tool":
        expected |= _of_tool(span)
    if span.usage is not None:
        expected["gen_ai.usage.input_tokens"], expected["gen_ai.usage.output_tokens"] = span.usage
    if span.error is not None:
        code, component, is_recoverable, error_type = span.error
        expected |= {
            "error.code": code,
            "component": component,
            "error.recoverable": is_recoverable,
            "error.type": provider.errors.get(error_type, error_type),
        }
    return expected


def _of_chat(span: Span, provider: Provider, *, is_streamed: bool) -> dict[str, Any]:
    expected: dict[str, Any] = {
        "gen_ai.provider.name": provider.name,
        "gen_ai.system": provider.name,
        "gen_ai.request.model": "model-1",
        "kairos.agent.iteration": span.iteration,
        **provider.where,
    }
    if is_streamed:
        expected["gen_ai.request.stream"] = True
        if span.has_begun:
            expected["gen_ai.response.time_to_first_chunk"] = "some"
    if span.is_answered:
        reason = provider.calls_tools if span.calls_tools else provider.is_done
        expected |= {
            "gen_ai.response.model": "model-1",
            "gen_ai.response.finish_reasons": (reason,),
            **provider.facts,
        }
    return expected


def _of_tool(span: Span) -> dict[str, Any]:
    return {
        "gen_ai.agent.name": "helper",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Search documents.",
        "kairos.tool.name": "search",
        "kairos.tool.call_id": "call_1",
        "kairos.tool.source": "function",
        "kairos.tool.duration_ms": "some",
        "kairos.tool.success": span.is_answered,
        "kairos.agent.iteration": span.iteration,
    }
