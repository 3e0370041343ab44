# SPDX-License-Identifier: Apache-2.0
"""P10: what telemetry adds to one step of an agent, a call of the model and a call of a tool.

The same agent loop runs with a scripted model in three ways: instrumented by itself, with spans and metrics
going to memory; with `exporter="none"`; and with `none`, but with model and tool instrumented by hand on the
SDK, with the same attributes on the same spans and the same points in the same histograms. What each adds is
its time less that of `none`. A run is 50 steps long, so that its own span and its last answer weigh little.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sdk
from harness import Row, Timing, at_most, check, emit, interleave
from opentelemetry.trace import SpanKind

import telemetry
from agent_runtime import Agent, Usage
from agent_runtime.llm import ScriptedModel, call_tools, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent_runtime import ModelResponse

STEPS = 50  # of a run
AT_A_TIME = 100  # steps of a block: 204 spans, which wait until the clock has stopped
TARGET_US = 60
USAGE = Usage(120, 18)
ATTRIBUTES_OF_AN_ANSWER = ("gen_ai.response.", "gen_ai.usage.")
ATTRIBUTES_OF_A_RESULT = ("kairos.tool.duration_ms", "kairos.tool.success")


async def search(query: str) -> str:
    """Search documents."""
    return query


def measure(is_quick: bool) -> list[Row]:
    loop = asyncio.new_event_loop()
    try:
        by_hand = _ByHand(_sample(loop))
        cases = {
            "ours": lambda n: _ours(loop, n),
            "none": lambda n: _none(loop, n),
            "sdk": lambda n: _sdk(loop, by_hand, n),
        }
        for block in cases.values():
            block(AT_A_TIME)  # once for the caches of every side
        timings = interleave(cases, rounds=40 if is_quick else 200, fixed=AT_A_TIME)
        by_hand.check_metrics()
    finally:
        loop.close()
    ours, none, peer = timings["ours"], timings["none"], timings["sdk"]
    added_us = (ours.median - none.median) / 1e3
    target = f"<= {TARGET_US} us"
    return [
        Row(
            "P10",
            "agent step (model, tool)",
            ours,
            "exporter none",
            none,
            added_us,
            target,
            added_us <= TARGET_US,
            ratio_unit=" us",
        ),
        at_most("P10", "agent step, added", _less(ours, none), "by hand on the SDK", _less(peer, none), 0.5),
    ]


def _less(timing: Timing, base: Timing) -> Timing:
    return Timing(timing.min - base.min, timing.median - base.median)


def _model(steps: int) -> ScriptedModel:
    calls = [call_tools(("search", {"query": "tea"}), usage=USAGE) for _ in range(steps)]
    return ScriptedModel([*calls, say("tea", usage=USAGE)], name="atlas")


def _agent(model: object, tool: object, steps: int = STEPS) -> Agent:
    return Agent(model, [tool], name="bench", max_iterations=steps + 1)


def _sample(loop: asyncio.AbstractEventLoop) -> dict[str, dict[str, object]]:
    """The attributes of our spans, by span name, from a run of one step."""
    with telemetry.init("benchmarks", "1", exporter="memory") as handle:
        loop.run_until_complete(_agent(_model(1), search, 1).run("find tea"))
        handle.force_flush(10)
        spans = handle.exporters["memory"].spans.get_finished_spans()
    found = {span.name: dict(span.attributes or {}) for span in spans}
    check(set(found) == {"chat atlas", "execute_tool search", "invoke_agent bench"}, f"spans: {list(found)}")
    return found


def _ours(loop: asyncio.AbstractEventLoop, n: int) -> float:
    with telemetry.init("benchmarks", "1", exporter="memory") as handle:
        # The first steps bind series and start threads; the spans of the others wait for the end.
        _timed(loop, [_agent(_model(STEPS), search)])
        handle.force_flush(10)
        handle.exporters["memory"].spans.clear()
        spent = _timed(loop, [_agent(_model(STEPS), search) for _ in range(n // STEPS)])
        handle.force_flush(10)
        spans = handle.exporters["memory"].spans.get_finished_spans()
        _check_spans([span.name for span in spans], n)
    return spent


def _none(loop: asyncio.AbstractEventLoop, n: int) -> float:
    with telemetry.init("benchmarks", "1", exporter="none"):
        return _timed(loop, [_agent(_model(STEPS), search) for _ in range(n // STEPS)])


def _sdk(loop: asyncio.AbstractEventLoop, by_hand: _ByHand, n: int) -> float:
    with telemetry.init("benchmarks", "1", exporter="none"):
        agents = [_agent(_ModelByHand(by_hand), by_hand.search) for _ in range(n // STEPS)]
        spent = _timed(loop, agents, by_hand.run)
    by_hand.check_spans(n)
    return spent


def _timed(
    loop: asyncio.AbstractEventLoop, agents: list[Agent], run: Callable[[Agent], object] | None = None
) -> float:
    async def all_runs() -> int:
        start = time.perf_counter_ns()
        for agent in agents:
            await (agent.run("find tea") if run is None else run(agent))
        return time.perf_counter_ns() - start

    return loop.run_until_complete(all_runs())


def _check_spans(names: list[str], n: int) -> None:
    runs = n // STEPS
    check(names.count("chat atlas") == n + runs, f"{names.count('chat atlas')} model spans of {n + runs}")
    check(names.count("execute_tool search") == n, f"{names.count('execute_tool search')} tool spans of {n}")
    check(names.count("invoke_agent bench") == runs, "a run's span is missing")


class _ByHand:
    """An agent's telemetry as one writes it on the SDK: a span and a histogram for each operation."""

    def __init__(self, attributes: dict[str, dict[str, object]]) -> None:
        self.traces, self._exporter = sdk.traces()
        self.tracer = self.traces.get_tracer("bench")
        provider, self._reader = sdk.metrics()
        meter = provider.get_meter("bench")
        self.duration = meter.create_histogram("gen_ai.client.operation.duration", "s")
        self.tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}")
        self.tool_duration = meter.create_histogram("gen_ai.execute_tool.duration", "s")
        self.agent_duration = meter.create_histogram("gen_ai.invoke_agent.duration", "s")
        self.chat, self.answer = _split(attributes["chat atlas"], ATTRIBUTES_OF_AN_ANSWER)
        self.tool, self.result = _split(attributes["execute_tool search"], ATTRIBUTES_OF_A_RESULT)
        self.agent = attributes["invoke_agent bench"]
        self._steps = 0

    async def search(self, query: str) -> str:
        """Search documents."""
        with self.measured("execute_tool search", self.tool, self.result, self.tool_duration, TOOL_LABELS):
            return query

    async def run(self, agent: Agent) -> None:
        with self.measured("invoke_agent bench", self.agent, {}, self.agent_duration, AGENT_LABELS):
            await agent.run("find tea")

    @contextmanager
    def measured(
        self, name: str, attributes: dict, more: dict, duration: object, labels: dict, kind=SpanKind.INTERNAL
    ) -> Iterator[None]:
        start = time.perf_counter()
        with self.tracer.start_as_current_span(name, kind=kind, attributes=attributes) as span:
            yield
            span.set_attributes(more)
        duration.record(time.perf_counter() - start, labels)

    def check_spans(self, n: int) -> None:
        self.traces.force_flush()
        _check_spans([span.name for span in self._exporter.spans], n)
        self._exporter.spans.clear()
        self._steps += n

    def check_metrics(self) -> None:
        data = self._reader.get_metrics_data()
        (metrics,) = [scope.metrics for resource in data.resource_metrics for scope in resource.scope_metrics]
        counts = {metric.name: sum(point.count for point in metric.data.data_points) for metric in metrics}
        chats = self._steps + self._steps // STEPS
        check(counts["gen_ai.client.operation.duration"] == chats, f"the SDK counted {counts}")
        check(counts["gen_ai.client.token.usage"] == 2 * chats, f"the SDK counted {counts}")


class _ModelByHand:
    def __init__(self, by_hand: _ByHand) -> None:
        self._model = _model(STEPS)
        self._by_hand = by_hand
        self.name, self.provider = self._model.name, self._model.provider

    async def complete(self, messages: object, tools: object) -> ModelResponse:
        hand = self._by_hand
        with hand.measured(
            "chat atlas", hand.chat, hand.answer, hand.duration, CHAT_LABELS, kind=SpanKind.CLIENT
        ):
            response = await self._model.complete(messages, tools)
        hand.tokens.record(response.usage.input_tokens, INPUT_LABELS)
        hand.tokens.record(response.usage.output_tokens, OUTPUT_LABELS)
        return response


CHAT_LABELS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "scripted",
    "gen_ai.request.model": "atlas",
    "gen_ai.response.model": "atlas",
}
INPUT_LABELS = {**CHAT_LABELS, "gen_ai.token.type": "input"}
OUTPUT_LABELS = {**CHAT_LABELS, "gen_ai.token.type": "output"}
AGENT_LABELS = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "bench"}
TOOL_LABELS = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.agent.name": "bench",
    "gen_ai.tool.name": "search",
}


def _split(attributes: dict[str, object], late: tuple[str, ...]) -> tuple[dict, dict]:
    """The attributes that are known when a span starts, and those that come later."""
    early = {name: value for name, value in attributes.items() if not name.startswith(late)}
    return early, {name: value for name, value in attributes.items() if name not in early}


if __name__ == "__main__":
    emit(measure)
