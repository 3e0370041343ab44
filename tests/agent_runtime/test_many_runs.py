# SPDX-License-Identifier: Apache-2.0
"""Many agent runs at the same time on one event loop: every count is exact, and nothing of them stays."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import StatusCode

from agent_runtime import Agent, InProcessMemory, Resilience, Timing, Usage
from agent_runtime.faults import rate_limit
from agent_runtime.llm import ScriptedModel, call_tools, say
from telemetry import conventions as names

if TYPE_CHECKING:
    from telemetry.testing import TelemetryProbe

RUNS = 1_000
RATE_LIMIT = {"error.code": "rate_limit", "component": "llm", "recoverable": "true"}
TOOL_FAILURE = {"error.code": "timeout", "component": "tool.search", "recoverable": "true"}


@pytest.fixture(autouse=True)
def _no_log(caplog: pytest.LogCaptureFixture) -> None:
    """What pytest keeps of thousands of log lines would be most of the memory."""
    caplog.set_level(logging.CRITICAL, "agent_runtime")


async def _no_wait(_seconds: float) -> None:
    await asyncio.sleep(0)


async def _run_all(number: int) -> list[str]:
    """Runs so many agents, all of which are inside their tool at the same time."""
    meeting = asyncio.Barrier(number)
    resilience = Resilience(timing=Timing(sleep=_no_wait))

    async def run(each: int) -> str:
        failures = [TimeoutError("the index did not answer")]

        async def search(query: str) -> str:
            """Search documents."""
            await meeting.wait()
            if failures:
                raise failures.pop()
            return query

        model = ScriptedModel(
            [
                rate_limit(),
                call_tools(("search", {"query": f"tea {each}"}), usage=Usage(5, 1)),
                say(f"tea {each}", usage=Usage(10, 2)),
            ]
        )
        agent = Agent(model, [search], InProcessMemory(), name="helper", resilience=resilience)
        return (await agent.run("Find tea.", session_id=f"session-{each}")).output

    return await asyncio.gather(*(run(each) for each in range(number)))


def test_a_thousand_runs_at_the_same_time_are_counted_exactly(kairos: TelemetryProbe) -> None:
    outputs = asyncio.run(_run_all(RUNS))

    assert outputs == [f"tea {each}" for each in range(RUNS)]
    for labels in (RATE_LIMIT, TOOL_FAILURE):
        assert kairos.value(names.ERRORS_TOTAL, labels) == RUNS
        assert kairos.value(names.ERRORS_RECOVERED, labels) == RUNS
    assert kairos.value(names.ERRORS_TOTAL) == 2 * RUNS
    assert kairos.value(names.ERRORS_RECOVERED) == 2 * RUNS
    assert kairos.value(names.ERRORS_RATE, {}) == 2 * RUNS
    counts = {point.name: 0 for point in kairos.metrics()}
    for point in kairos.metrics():
        counts[point.name] += point.count or 0
    assert counts["gen_ai.client.operation.duration"] == 2 * RUNS
    assert counts["gen_ai.invoke_agent.duration"] == RUNS
    assert counts["gen_ai.execute_tool.duration"] == RUNS
    assert kairos.value("gen_ai.client.token.usage", {"gen_ai.token.type": "input"}) == 15 * RUNS
    assert kairos.value("gen_ai.client.token.usage", {"gen_ai.token.type": "output"}) == 3 * RUNS


def test_a_thousand_runs_at_the_same_time_leave_whole_traces(kairos: TelemetryProbe) -> None:
    asyncio.run(_run_all(RUNS))

    spans = kairos.spans
    traces: dict[int, list[str]] = {}
    for span in spans:
        traces.setdefault(span.context.trace_id, []).append(span.name)
    assert len(traces) == RUNS
    chats = ("chat scripted", "chat scripted")
    whole = (*chats, "execute_tool search", "invoke_agent helper", "memory append", "memory load")
    assert Counter(tuple(sorted(each)) for each in traces.values()) == {whole: RUNS}
    roots = {span.context.span_id: span for span in spans if span.parent is None}
    assert all(span.parent.span_id in roots for span in spans if span.parent is not None)
    assert {span.status.status_code for span in spans} == {StatusCode.UNSET}  # all errors were made good


@pytest.mark.long
def test_runs_leave_nothing_behind_in_memory(kairos: TelemetryProbe) -> None:
    def blocks_after(rounds: int) -> int:
        for _ in range(rounds):
            asyncio.run(_run_all(RUNS))
            kairos.clear()
        gc.collect()
        return sys.getallocatedblocks()

    before = blocks_after(1)  # caches and series are filled
    after = blocks_after(2)

    assert after - before < RUNS / 2  # one object kept per run would be 2 000
