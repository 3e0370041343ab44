# SPDX-License-Identifier: Apache-2.0
"""LangGraph: a model that LangGraph's own retry policy asks again, and a tool that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.runtime import Runtime  # noqa: TC002 - LangGraph reads the annotations of nodes
from langgraph.types import RetryPolicy

import telemetry

MODEL = "gpt-4o-mini"


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    with telemetry.execute_tool("weather"):  # sees the error before LangGraph turns it into a message
        if city == "Atlantis":
            raise LookupError("no such city")
        return f"{city}: sun all week"


@dataclass
class Turn:
    """What belongs to one run of the graph and not to its state."""

    failed: list[Exception] = field(default_factory=list)


def call_model(state: MessagesState, runtime: Runtime[Turn]) -> dict[str, object]:
    failed = runtime.context.failed
    try:
        with telemetry.chat(MODEL, provider="openai") as call:  # what leaves it is counted, once
            answer = model.invoke(state["messages"])
            usage = answer.usage_metadata
            call.response(input_tokens=usage["input_tokens"], output_tokens=usage["output_tokens"])
    except Exception as error:
        failed.append(error)  # LangGraph decides whether the node runs again ...
        raise
    while failed:
        telemetry.record_recovery(failed.pop())  # ... and if that works, this is where it is known
    return {"messages": [answer]}


def build() -> object:
    graph = StateGraph(MessagesState, context_schema=Turn)
    retry = RetryPolicy(
        initial_interval=0.01, retry_on=lambda error: telemetry.classify(error, "llm").recoverable
    )
    graph.add_node("model", call_model, retry_policy=retry)
    graph.add_node("tools", ToolNode([weather], handle_tool_errors=True))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile()


def main() -> None:
    with telemetry.init("langgraph-example", "1.0.0"):
        graph = build()
        with telemetry.invoke_agent("travel"):
            state = graph.invoke(
                {"messages": [("user", "How is the weather in Lisbon and Atlantis?")]}, context=Turn()
            )
        print(state["messages"][-1].content)


class Script(Iterator[AIMessage]):
    """LangChain's fake model takes its answers from here; an exception is raised in place of one."""

    def __init__(self, *steps: AIMessage | Exception) -> None:
        self._steps = list(steps)

    def __next__(self) -> AIMessage:
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def _calls(*cities: str) -> list[dict[str, object]]:
    return [{"name": "weather", "args": {"city": city}, "id": f"call_{city}"} for city in cities]


USAGE = {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17}
model = GenericFakeChatModel(
    messages=Script(
        TimeoutError("the model did not answer in time"),
        AIMessage("", tool_calls=_calls("Lisbon", "Atlantis"), usage_metadata=USAGE),
        AIMessage("Lisbon has sun all week; Atlantis is under water.", usage_metadata=USAGE),
    )
)

if __name__ == "__main__":
    main()
