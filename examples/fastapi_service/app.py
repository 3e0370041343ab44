# SPDX-License-Identifier: Apache-2.0
"""A FastAPI service with an agent in it, for gunicorn with several workers; how to run it is in README.md."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool

import telemetry
from agent_runtime import Agent, Policy, Resilience, RetrySettings
from agent_runtime.faults import Fault, rate_limit, unauthorized
from agent_runtime.llm import ScriptedModel, call_tools, say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# At the top, so that nothing is missed. With --preload this runs before gunicorn forks: each worker
# then goes on with a pipeline of its own, counts from zero and has its own service.instance.id.
pipeline = telemetry.init("weather-service", "1.0.0")
requests = telemetry.counter("weather.requests", "{request}", "Questions that were asked").bind()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    await run_in_threadpool(pipeline.shutdown)  # a worker that is told to stop sends the rest first


app = FastAPI(lifespan=lifespan)


@app.get("/weather/{city}")
@telemetry.observe(component="agent", name="answer")
async def weather(city: str) -> dict[str, object]:
    requests.inc()
    try:
        result = await agent_for(city).run(f"How is the weather in {city}?")
    except Exception as error:
        code = telemetry.classify(error, "llm").code  # counted by the agent; here it becomes an HTTP status
        raise HTTPException(code.http_status, str(code)) from error
    return {"answer": result.output, "worker": os.getpid()}


def forecast(city: str) -> str:
    """Tell the weather of a city."""
    return f"{city}: sun all week"


def agent_for(city: str) -> Agent:
    """Returns an agent with a fake model that plays once; with a real model it is made once, at the top."""
    first: Fault = unauthorized() if city == "Atlantis" else rate_limit(retry_after_s=0.01)
    model = ScriptedModel([first, call_tools(("forecast", {"city": city})), say("Sun all week.")])
    patient = Policy(retry=RetrySettings(base_wait_s=0.01))
    return Agent(model, [forecast], name="weather", resilience=Resilience(model=patient))
