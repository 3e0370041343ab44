# SPDX-License-Identifier: Apache-2.0
"""The audit trail that an agent writes of its runs."""

from __future__ import annotations

import asyncio
import pickle

import pytest
from support.audit_trails import SECRET, proof, rows_of

from agent_runtime import (
    Agent,
    AuditFailedError,
    BreakerSettings,
    Budget,
    BudgetExceededError,
    Policy,
    Resilience,
    Value,
)
from agent_runtime.llm import ScriptedModel, say
from agent_runtime.types import ModelResponse, ToolCall
from telemetry import AuditTrail


@pytest.fixture
def trail(tmp_path):
    with AuditTrail(tmp_path / "audit.jsonl", SECRET) as trail:
        yield trail


def weather(city: str) -> str:
    """The weather."""
    if city == "Atlantis":
        raise LookupError("no such city; the password is hunter2hunter2")
    return f"Sunny in {city}, 23 °C"


def calls(*cities):
    return ModelResponse(
        tool_calls=tuple(
            ToolCall(f"c{index}", "weather", f'{{"city": "{city}"}}') for index, city in enumerate(cities)
        )
    )


def run(trail, *steps, tools=(weather,), session_id="s1", prompt="How is the wéather?", **settings):
    agent = Agent(ScriptedModel(list(steps)), tools, agent_id="a1", audit=trail, **settings)
    return agent.run_sync(prompt, session_id=session_id)


def test_a_run_its_model_calls_and_tools_are_written(trail, observed):
    run(trail, calls("Oslo"), say("Sunny."))
    rows = rows_of(trail.path)
    assert [row["event"] for row in rows] == [
        "run_started",
        "model_call",
        "tool_use",
        "model_call",
        "run_ended",
    ]
    assert {(row["agent_id"], row["session_id"], row["run_id"]) for row in rows} == {
        ("a1", "s1", rows[0]["run_id"])
    }
    tool = rows[2]
    assert (tool["tool"], tool["call_id"], tool["policy_outcome"]) == ("weather", "c0", "allowed")
    assert (tool["bytes_in"], tool["bytes_out"]) == (
        len('{"city": "Oslo"}'),
        len("Sunny in Oslo, 23 °C".encode()),
    )
    assert tool["duration_ms"] >= 0
    assert rows[0]["bytes_in"] == len("How is the wéather?".encode())
    assert rows[1]["tool_calls"] == 1
    assert rows[-1]["bytes_out"] == len("Sunny.")
    assert proof(trail.path).is_intact


def test_rows_and_spans_find_each_other(trail, observed):
    run(trail, calls("Oslo"), say("Sunny."))
    rows = {(row["trace_id"], row["span_id"]): row["event"] for row in rows_of(trail.path)[1:]}
    spans = {
        (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"): span.name.split()[0]
        for span in observed.spans
    }
    assert {rows[ids]: spans[ids] for ids in rows} == {
        "tool_use": "execute_tool",
        "model_call": "chat",
        "run_ended": "invoke_agent",
    }


def test_nothing_that_was_said_is_written(trail):
    run(trail, calls("Oslo", "Atlantis"), say("The answer is secret42."), prompt="my question")
    text = trail.path.read_text()
    for said in ("Oslo", "Atlantis", "Sunny", "hunter2", "secret42", "my question", "no such city"):
        assert said not in text


def test_a_failure_has_its_type(trail):
    run(trail, calls("Atlantis"), say("Unknown."), resilience=Resilience(is_enabled=False))
    row = next(row for row in rows_of(trail.path) if row["event"] == "tool_use")
    assert (row["error_type"], row["policy_outcome"], "bytes_out" in row) == ("LookupError", "allowed", False)


def test_a_tool_that_does_not_exist_is_refused(trail):
    run(trail, ModelResponse(tool_calls=(ToolCall("c", "rm", "{}"),)), say("Sorry."))
    row = next(row for row in rows_of(trail.path) if row["event"] == "tool_use")
    assert (row["tool"], row["policy_outcome"], row["error_type"]) == ("rm", "blocked", "not_found")


def test_a_call_that_a_breaker_refused_is_blocked(trail):
    policy = Policy(retry=None, breaker=BreakerSettings(failure_threshold=1))
    resilience = Resilience(tool=policy, fallback_tools={"weather": [Value("unknown")]})
    run(trail, calls("Atlantis"), calls("Oslo"), say("Unknown."), resilience=resilience)
    rows = [row for row in rows_of(trail.path) if row["event"] == "tool_use"]
    assert [(row["policy_outcome"], row["error_type"]) for row in rows] == [
        ("allowed", "LookupError"),
        ("blocked", "CircuitOpenError"),
    ]


def test_a_run_that_fails_ends_with_its_error(trail):
    with pytest.raises(BudgetExceededError):
        run(trail, calls("Oslo"), calls("Oslo"), say("x"), budget=Budget(max_time_s=1e-9))
    assert rows_of(trail.path)[-1]["error_type"] in ("BudgetExceededError", "CancelledError")


def test_without_a_session_the_agent_is_the_session(trail):
    run(trail, say("x"), session_id=None)
    assert {row["session_id"] for row in rows_of(trail.path)} == {"a1"}


def test_many_runs_at_once_write_one_trail(trail):
    async def all_of_them():
        agent = Agent(ScriptedModel([say("x")] * 20), audit=trail)
        await asyncio.gather(*(agent.run("q", session_id=str(number)) for number in range(20)))

    asyncio.run(all_of_them())
    assert proof(trail.path).rows == 60


class Broken:
    def __init__(self, works=0):
        self.works = works
        self.rows = []

    def append(self, event, /, **fields):
        if len(self.rows) >= self.works:
            raise OSError(28, "No space left on device")
        self.rows.append(event)


def test_a_trail_that_fails_does_not_stop_the_agent_and_is_counted(observed):
    result = run(Broken(), calls("Oslo"), say("Sunny."))
    assert result.output == "Sunny."
    assert sum(count for (_, component, _), count in observed.errors.items() if component == "audit") == 5


@pytest.mark.parametrize(("works", "asked"), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2)])
def test_a_trail_that_is_required_ends_the_run_before_its_next_step(works, asked):
    trail, model = Broken(works), ScriptedModel([calls("Oslo"), say("Sunny.")])
    agent = Agent(model, [weather], audit=trail, audit_required=True)
    with pytest.raises(
        AuditFailedError, match=r"its audit trail cannot be written .*No space left.*audit_required=False"
    ):
        agent.run_sync("q")
    assert len(trail.rows) == works
    assert 2 - model.remaining == asked


def test_the_error_of_a_required_trail_can_be_pickled():
    error = pickle.loads(pickle.dumps(AuditFailedError(OSError(28, "full"))))
    assert "full" in str(error)
