# SPDX-License-Identifier: Apache-2.0
"""The public API as a user would write it. Never run: `make lint` has mypy check it in strict mode."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, assert_type

import agent_runtime.llm
import telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span, Tracer


def set_up() -> None:
    shutdown = telemetry.init("my-service", "1.0.0", exporter="otlp,stdout", otlp_insecure=True)
    assert_type(shutdown, telemetry.Telemetry)
    result = shutdown.force_flush(2.5)
    assert_type(result, telemetry.FlushResult)
    assert_type(result.traces.delivered, int)
    assert_type(result.is_complete, bool)
    for status in shutdown.status():
        assert_type(status.pending, int)
    meter: Meter = shutdown.meter
    tracer: Tracer = shutdown.tracer
    del meter, tracer
    shutdown()


def set_up_with_config() -> None:
    cfg = telemetry.Config(
        exporter="otlp", otlp_endpoint="localhost:4317", otlp_insecure=True, otlp_timeout_seconds=10
    )
    assert_type(cfg.otlp_timeout_seconds, float)
    shutdown = telemetry.init_with_config("my-service", "v1.0.0", cfg)
    shutdown.shutdown(5)


def bad_settings() -> None:
    try:
        telemetry.init("my-service", exporter="otpl")
    except telemetry.ConfigError as err:
        as_value_error: ValueError = err
        del as_value_error


async def as_context_manager() -> None:
    with telemetry.init("my-service") as handle:
        assert_type(handle, telemetry.Telemetry)
    async with telemetry.init("my-service") as handle:
        assert_type(handle, telemetry.Telemetry)


def errors(span: Span) -> None:
    err = telemetry.KairosError(
        telemetry.ErrorCode.TOOL_FAILURE,
        "the search is down",
        cause=ConnectionError("refused"),
        recoverable=True,
        context={"query": "weather"},
        attributes={"tool": "search"},
    )
    telemetry.record_error(err)
    telemetry.record_error(err, component="tool", span=span)
    telemetry.record_error_metric(err, "tool")
    telemetry.record_error_span(span, err)
    telemetry.record_recovery(err, "tool")
    telemetry.record_recovery(telemetry.ErrorCode.TIMEOUT, "llm")
    found = telemetry.classify(err)
    assert_type(found, telemetry.Classification)
    code, component, recoverable = found
    assert_type(code, telemetry.ErrorCode)
    assert_type(component, str)
    assert_type(recoverable, bool)
    assert_type(telemetry.retry_after(err), float | None)


class OutOfCreditError(Exception):
    """An application's own."""


def registered() -> None:
    telemetry.register_classifier(OutOfCreditError, telemetry.ErrorCode.RATE_LIMIT, False)


def masked() -> None:
    assert_type(telemetry.redact("password=hunter2"), str)


def states() -> None:
    telemetry.set_health("llm", telemetry.HealthStatus.DEGRADED)
    telemetry.set_circuit_state("llm", telemetry.CircuitState.HALF_OPEN)


def bound_instruments() -> None:
    counter = telemetry.counter("orders", unit="{order}", description="Orders taken").bind({"shop": "north"})
    counter.inc()
    counter.add(3)
    telemetry.gauge("queue.length").bind({}).set(4)
    telemetry.histogram("wait", "s").bind({"queue": "a"}).record(0.25)


@telemetry.observe(component="tool")
def observed(query: str, limit: int = 3) -> list[str]:
    return [query] * limit


@telemetry.observe(component="llm", name="ask", attempt=1)
async def observed_coroutine(question: str) -> str:
    return question


@telemetry.observe(component="llm")
def observed_generator() -> Iterator[int]:
    yield 1


@telemetry.observe(component="llm")
async def observed_async_generator() -> AsyncIterator[int]:
    yield 1


async def observe_keeps_types() -> None:
    assert_type(observed("a", limit=2), list[str])
    assert_type(await observed_coroutine("a"), str)
    assert_type(list(observed_generator()), list[int])
    async for number in observed_async_generator():
        assert_type(number, int)
    with telemetry.observe(component="tool", name="block", size=3) as span:
        span.set_attribute("more", True)
    async with telemetry.observe(component="tool"):
        pass


async def genai_spans() -> None:
    with telemetry.invoke_agent("planner") as agent:
        agent.set({"kairos.agent.role": "planner"})
        async with telemetry.chat("gpt-5", provider="openai") as chat:
            chat.first_chunk()
            chat.response(model="gpt-5", finish_reasons=("stop",), input_tokens=12, output_tokens=3)
        with telemetry.execute_tool("search", call_id="call-1") as tool:
            tool.span.set_attribute("hits", 3)


def logs() -> None:
    telemetry.configure_logging("INFO", "json")
    assert_type(telemetry.get_logger("my-service"), logging.Logger)


def audit_trail() -> None:
    with telemetry.AuditTrail("audit.jsonl", key="secret", max_bytes=1_000_000, fsync="always") as trail:
        assert_type(trail, telemetry.AuditTrail)
        trail.append("tool_use", tool="Bash", duration_ms=42, policy_outcome="allowed")
        agent_runtime.Agent(agent_runtime.llm.ScriptedModel([]), audit=trail, audit_required=True)
