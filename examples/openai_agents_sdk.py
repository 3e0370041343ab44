# SPDX-License-Identifier: Apache-2.0
"""The OpenAI Agents SDK: a model asked again after a lost connection, a tool whose error is swallowed."""

from __future__ import annotations

import asyncio

from agents import Agent, Model, ModelResponse, Runner, Usage, function_tool, set_tracing_disabled
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

import telemetry

ATTEMPTS = 3


class TellingModel(Model):
    """Wraps a model of the SDK: one span around all attempts, every error counted, and every recovery.

    It retries by itself, for what the SDK's `ModelSettings(retry=...)` retries, nobody is told of.
    """

    def __init__(self, model: Model, name: str) -> None:
        self._model = model
        self._name = name

    async def get_response(self, *args: object, **kwargs: object) -> ModelResponse:
        failed: list[Exception] = []
        with telemetry.chat(self._name, provider="openai") as call:
            while True:
                try:
                    answer = await self._model.get_response(*args, **kwargs)
                    break
                except Exception as error:
                    telemetry.record_error_metric(error, "llm")  # counted; the span has not failed yet
                    failed.append(error)
                    if len(failed) == ATTEMPTS or not telemetry.classify(error, "llm").recoverable:
                        raise
                await asyncio.sleep(telemetry.retry_after(failed[-1]) or 0.05)
            for error in failed:
                telemetry.record_recovery(error)
            call.response(
                response_id=answer.response_id,
                input_tokens=answer.usage.input_tokens,
                output_tokens=answer.usage.output_tokens,
            )
            return answer

    def stream_response(self, *args: object, **kwargs: object) -> object:
        return self._model.stream_response(*args, **kwargs)


@function_tool
async def weather(city: str) -> str:
    """Tell the weather of a city."""
    with telemetry.execute_tool("weather"):  # sees the error before the SDK turns it into a message
        if city == "Atlantis":
            raise LookupError("no such city")
        return f"{city}: sun all week"


async def main() -> None:
    set_tracing_disabled(True)  # the SDK would send traces of its own to OpenAI
    with telemetry.init("openai-agents-example", "1.0.0"):
        agent = Agent(name="travel", model=TellingModel(SCRIPT, "gpt-4o-mini"), tools=[weather])
        with telemetry.invoke_agent(agent.name):
            result = await Runner.run(agent, "How is the weather in Lisbon and Atlantis?")
        print(result.final_output)


SCRIPT = ScriptedModel(
    [
        ModelStep.raise_error(ConnectionResetError("the model's server went away")),
        ModelStep(
            output=[
                function_call("weather", {"city": "Lisbon"}, call_id="call_1"),
                function_call("weather", {"city": "Atlantis"}, call_id="call_2"),
            ]
        ),
        ModelStep(output=[assistant_message("Lisbon has sun all week; Atlantis is under water.")]),
    ],
    default_usage=Usage(requests=1, input_tokens=12, output_tokens=5, total_tokens=17),
)

if __name__ == "__main__":
    asyncio.run(main())
