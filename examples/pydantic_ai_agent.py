# SPDX-License-Identifier: Apache-2.0
"""pydantic-ai: a capability that makes any agent tell, and a tool that works when the model tries again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent, ModelRetry
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

import telemetry


@dataclass
class Telling(AbstractCapability[Any]):
    """Add it to any agent: `Agent(..., capabilities=[Telling()])`."""

    failed: dict[str, list[Exception]] = field(default_factory=dict)  # by tool: what no later call made good

    async def for_run(self, _ctx: object) -> Telling:
        return Telling()  # runs at the same time must not take each other's errors for their own

    async def wrap_run(self, ctx: Any, *, handler: Any) -> Any:
        with telemetry.invoke_agent(ctx.agent.name):
            return await handler()

    async def wrap_model_request(self, ctx: Any, *, request_context: Any, handler: Any) -> ModelResponse:
        with telemetry.chat(ctx.model.model_name, provider=ctx.model.system) as call:
            answer = await handler(request_context)
            call.response(
                model=answer.model_name,
                input_tokens=answer.usage.input_tokens,
                output_tokens=answer.usage.output_tokens,
            )
            return answer

    async def wrap_tool_execute(
        self, _ctx: Any, *, call: ToolCallPart, handler: Any, args: Any, **_: Any
    ) -> Any:
        failed = self.failed.setdefault(call.tool_name, [])
        try:
            with telemetry.execute_tool(call.tool_name, call_id=call.tool_call_id):
                result = await handler(args)
        except Exception as error:
            failed.append(error)
            raise
        while failed:
            telemetry.record_recovery(failed.pop())  # the model tried again, and it worked
        return result


def play(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """The script of pydantic-ai's fake model: a wrong call, the right one, an answer."""
    cities = {1: "lisbon", 3: "Lisbon"}
    city = cities.get(len(messages))
    part = TextPart("Sun all week.") if city is None else ToolCallPart("weather", {"city": city})
    return ModelResponse([part], usage=RequestUsage(input_tokens=12, output_tokens=5))


agent = Agent(
    FunctionModel(play, model_name="gpt-4o-mini"),
    name="travel",
    capabilities=[Telling()],
)


class SpellingError(ModelRetry):
    """What pydantic-ai gives back to the model, so that it tries again."""


# Without this line it is what every ModelRetry is; with it, the code says whose fault it was.
telemetry.register_classifier(SpellingError, "invalid_input", recoverable=True)


@agent.tool_plain(retries=2)
def weather(city: str) -> str:
    """Tell the weather of a city."""
    if city == "lisbon":
        raise SpellingError("cities are written with a capital letter")
    return f"{city}: sun all week"


def main() -> None:
    with telemetry.init("pydantic-ai-example", "1.0.0"):
        print(agent.run_sync("How is the weather in Lisbon?").output)


if __name__ == "__main__":
    main()
