# SPDX-License-Identifier: Apache-2.0
"""One story on our own runtime and on pydantic-ai's own instrumentation: the same errors by code.

The other two tellers, LangGraph with OpenInference and the openai client with Traceloop, need
environments of their own: see `test_genai_peers.py`, which expects the same figures.
"""

from __future__ import annotations

from contextlib import suppress

import openai
import pytest
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from support.tiny_openai import STORY, STORY_ERRORS, STORY_RECOVERED, tiny_openai

import telemetry
from agent_runtime import Agent
from agent_runtime.llm.openai import OpenAIModel
from agent_runtime.resilience import BreakerSettings, Policy, Resilience, Timing

TIMEOUT_S = 0.3
QUESTIONS = 5


@pytest.fixture
def server():
    with tiny_openai() as server:
        yield server
        assert server.requests == len(STORY)


def by_code(kairos, metric):
    found: dict[str, int] = {}
    for point in kairos.metrics():
        if point.name == metric and point.value:
            code = point.attributes["error.code"]
            found[code] = found.get(code, 0) + int(point.value)
    return found


def assert_story(kairos):
    assert by_code(kairos, "kairos.errors.total") == STORY_ERRORS
    assert by_code(kairos, "kairos.errors.recovered") == STORY_RECOVERED


async def no_wait(_seconds):
    return None


def test_our_runtime_tells_the_story(kairos, server):
    model = OpenAIModel("gpt-4o", api_key="key", base_url=server.base_url, timeout_s=TIMEOUT_S)
    policy = Policy(breaker=BreakerSettings(failure_threshold=99))
    agent = Agent(model, resilience=Resilience(model=policy, timing=Timing(sleep=no_wait)))
    for _ in range(QUESTIONS):
        with suppress(telemetry.KairosError, openai.APIError):
            agent.run_sync("Well?")

    assert_story(kairos)


def test_pydantic_ai_tells_the_same(kairos, server):
    import asyncio

    asyncio.run(ask_pydantic_ai(kairos, server))

    assert_story(kairos)


async def ask_pydantic_ai(kairos, server):
    tracer = kairos.telemetry.providers.tracer_provider.get_tracer("application")
    client = openai.AsyncOpenAI(base_url=server.base_url, api_key="key", max_retries=0, timeout=TIMEOUT_S)
    agent = PydanticAgent(OpenAIChatModel("gpt-4o", provider=OpenAIProvider(openai_client=client)))
    agent.instrument = True
    for _ in range(QUESTIONS):
        with tracer.start_as_current_span("ask"):
            for _attempt in range(3):
                try:
                    await agent.run("Well?")
                except Exception as error:
                    if telemetry.classify(error).recoverable:
                        continue
                break
    await client.close()
