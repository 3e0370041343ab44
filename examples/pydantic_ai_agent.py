# SPDX-License-Identifier: Apache-2.0
"""pydantic-ai: two lines read its own spans; a tool works when the model calls it again."""

from __future__ import annotations

from pydantic_ai import Agent, ModelRetry
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

import telemetry


def play(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """The script of pydantic-ai's fake model: a wrong call, the right one, an answer."""
    cities = {1: "lisbon", 3: "Lisbon"}
    city = cities.get(len(messages))
    part = TextPart("Sun all week.") if city is None else ToolCallPart("weather", {"city": city})
    return ModelResponse([part], usage=RequestUsage(input_tokens=12, output_tokens=5))


agent = Agent(FunctionModel(play, model_name="gpt-4o-mini"), name="travel")


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
        # pydantic-ai makes the spans; errors, recoveries and durations are read from them.
        Agent.instrument_all()
        print(agent.run_sync("How is the weather in Lisbon?").output)


if __name__ == "__main__":
    main()
