# SPDX-License-Identifier: Apache-2.0
"""Runs in a peer's environment: the story on LangGraph, instrumented by OpenInference.

Usage: graph.py BASE_URL; says on stdout as JSON what was counted.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import RetryPolicy
from openinference.instrumentation.langchain import LangChainInstrumentor
from report import report

from telemetry.testing.isolation import isolated

PASSING = (openai.RateLimitError, openai.APIConnectionError, openai.InternalServerError)


class Model(BaseChatModel):
    """A chat model on the openai client."""

    client: Any

    @property
    def _llm_type(self) -> str:
        return "openai"

    def _generate(self, messages: list[Any], *_arguments: Any, **_settings: Any) -> ChatResult:
        answer = self.client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": messages[-1].content}]
        )
        message = AIMessage(answer.choices[0].message.content)
        return ChatResult(generations=[ChatGeneration(message=message)])


def main() -> None:
    with isolated() as kairos:
        LangChainInstrumentor().instrument()
        client = openai.OpenAI(base_url=sys.argv[1], api_key="key", max_retries=0, timeout=1.5)
        model = Model(client=client)
        graph = StateGraph(MessagesState)
        retry = RetryPolicy(max_attempts=3, initial_interval=0.001, jitter=False, retry_on=PASSING)
        graph.add_node(
            "model", lambda state: {"messages": [model.invoke(state["messages"])]}, retry_policy=retry
        )
        graph.add_edge(START, "model")
        graph.add_edge("model", END)
        agent = graph.compile()
        for _ in range(5):
            try:
                agent.invoke({"messages": [("user", "Well?")]})
            except openai.APIError:
                continue
        json.dump(report(kairos), sys.stdout)


main()
