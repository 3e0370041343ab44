# SPDX-License-Identifier: Apache-2.0
"""The same story told by every provider: what the model does, in words that mean the same to all."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

from support.llm_server import Answer, Call, Failure, HalfStream, Hang, LLMServer, Malformed, Reset

from agent_runtime import Usage
from agent_runtime.faults import connection_reset, delay, malformed_reply, rate_limit, server_error, timeout
from agent_runtime.llm import AnthropicModel, OpenAIModel, ScriptedModel, break_off, call_tools, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_runtime.llm import Model


class OnTheWire:
    """A provider behind the local server.

    Args:
        name: Its name.
        server: The server.
        model: Makes the model; given the server and the client's timeout in seconds.
        errors: `error.type` by what went wrong.
        reasons: The provider's words for "calls tools" and "done".
        response_id: The id of its answers.
    """

    def __init__(
        self,
        name: str,
        server: LLMServer,
        model: Callable[[LLMServer, float], Model],
        errors: dict[str, str],
        reasons: tuple[str, str],
        response_id: str,
    ) -> None:
        self.name = name
        self._server = server
        self._model = model
        self.errors = errors
        self.calls_tools, self.is_done = reasons
        self.facts: dict[str, Any] = {"gen_ai.response.id": response_id}
        self.where: dict[str, Any] = {"server.address": "127.0.0.1", "server.port": server.port}
        self.is_asked = server.is_asked
        if name == "anthropic":
            self.where["gen_ai.request.max_tokens"] = 4096  # the API wants a limit

    def model(self, timeout_s: float) -> Model:
        return self._model(self._server, timeout_s)

    def order(self, *steps: str | dict[str, object]) -> None:
        self._server.order(*[self._reply(step) for step in steps])

    @property
    def remaining(self) -> int:
        return self._server.remaining

    def _reply(self, step: str | dict[str, object]) -> Any:
        if isinstance(step, dict):
            return Answer("", (Call("call_1", "search", json.dumps(step)),), 5, 1)
        return {
            "done": Answer("done"),
            "429": Failure(429, "7"),
            "500": Failure(500),
            "529": Failure(529),
            "reset": Reset(),
            "malformed": Malformed(),
            "timeout": Hang(),
            "hang": Hang(),
            "half": HalfStream(Answer("done")),
        }[step]


class Scripted:
    """The scripted model, which needs no server."""

    name = "scripted"
    calls_tools, is_done = "tool_calls", "stop"

    def __init__(self) -> None:
        self.errors = {
            "500": "urllib.error.HTTPError",
            "timeout": "TimeoutError",
            "half": "ConnectionResetError",
        }
        self.facts: dict[str, Any] = {}
        self.where: dict[str, Any] = {}
        self.is_asked = threading.Event()
        self._script = ScriptedModel(name="model-1", sleep=self._hang)

    def model(self, timeout_s: float) -> Model:
        return self._script

    def order(self, *steps: str | dict[str, object]) -> None:
        self._script.order(*[self._step(step) for step in steps])

    @property
    def remaining(self) -> int:
        return self._script.remaining

    async def _hang(self, _seconds: float) -> None:
        self.is_asked.set()
        await asyncio.Event().wait()

    def _step(self, step: str | dict[str, object]) -> Any:
        if isinstance(step, dict):
            return call_tools(("search", step), usage=Usage(5, 1))
        done = say("done", usage=Usage(10, 2))
        return {
            "done": done,
            "429": rate_limit(7.0),
            "500": server_error(),
            "529": server_error(529),
            "reset": connection_reset(),
            "malformed": malformed_reply(),
            "timeout": timeout(),
            "hang": delay(1.0),
            "half": break_off("done", connection_reset()),
        }[step]


Provider = OnTheWire | Scripted


def openai(server: LLMServer) -> Provider:
    return OnTheWire(
        "openai",
        server,
        lambda server, timeout_s: OpenAIModel(
            "model-1", api_key="k", base_url=server.openai_url, timeout_s=timeout_s
        ),
        {
            "500": "openai.InternalServerError",
            "timeout": "openai.APITimeoutError",
            "half": "openai.APIConnectionError",
        },
        ("tool_calls", "stop"),
        "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    )


def anthropic(server: LLMServer) -> Provider:
    return OnTheWire(
        "anthropic",
        server,
        lambda server, timeout_s: AnthropicModel(
            "model-1", api_key="k", base_url=server.url, timeout_s=timeout_s
        ),
        {
            "500": "anthropic.InternalServerError",
            "timeout": "anthropic.APITimeoutError",
            # Not anthropic's own: the client passes on what its HTTP library raises.
            "half": "httpx2.ReadError",
        },
        ("tool_use", "end_turn"),
        "msg_013Zva2CMHLNnXjNJJKqJ2EF",
    )


def scripted(_server: LLMServer) -> Provider:
    return Scripted()


PROVIDERS: dict[str, Callable[[LLMServer], Provider]] = {
    "openai": openai,
    "anthropic": anthropic,
    "scripted": scripted,
}
