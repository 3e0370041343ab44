# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path

import pytest
from support.llm_server import Answer, LLMServer
from support.waiting import wait_for

from agent_runtime import Message, Role
from agent_runtime.llm import AnthropicModel, OpenAIModel
from agent_runtime.llm.clients import LoopClients


class Client:
    def __init__(self) -> None:
        self.closed_in: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        self.closed_in = asyncio.get_running_loop()


def test_a_loop_keeps_its_client():
    clients = LoopClients(Client(), Client)

    async def twice() -> bool:
        return await clients.get() is await clients.get()

    assert asyncio.run(twice())


def test_tasks_that_ask_at_the_same_time_share_it():
    clients = LoopClients(Client(), Client)

    async def both() -> set[Client]:
        return set(await asyncio.gather(clients.get(), clients.get()))

    assert len(asyncio.run(both())) == 1


def test_each_loop_has_its_own_which_is_closed_in_it():
    clients = LoopClients(Client(), Client)

    async def ask() -> tuple[Client, asyncio.AbstractEventLoop]:
        return await clients.get(), asyncio.get_running_loop()

    (first, its_loop), (second, other_loop) = asyncio.run(ask()), asyncio.run(ask())
    assert first is not second
    assert [first.closed_in, second.closed_in] == [its_loop, other_loop]


def test_loops_that_ended_are_let_go():
    clients = LoopClients(Client(), Client)
    gone = [weakref.ref(asyncio.run(clients.get()).closed_in) for _ in range(3)]
    gc.collect()
    assert [loop() is None for loop in gone] == [True, True, False]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_runs_in_loops_of_their_own_leave_no_connection_open(kind: str, server: LLMServer):
    model = (
        OpenAIModel("model-1", api_key="k", base_url=server.openai_url)
        if kind == "openai"
        else AnthropicModel("model-1", api_key="k", base_url=server.url)
    )
    server.order(*[Answer("done")] * 4)
    asyncio.run(model.complete([Message(Role.USER, "Hello")], []))
    gc.collect()
    before = connections()
    for _ in range(3):
        asyncio.run(model.complete([Message(Role.USER, "Hello")], []))
    wait_for(lambda: connections() <= before, what="the closing of both ends of every connection")


def test_concurrent_calls_share_the_loops_client(server: LLMServer):
    model = OpenAIModel("model-1", api_key="k", base_url=server.openai_url)
    server.order(*[Answer("done")] * 20)

    async def ask() -> list[str]:
        calls = [model.complete([Message(Role.USER, "Hello")], []) for _ in range(20)]
        return [answer.text for answer in await asyncio.gather(*calls)]

    assert asyncio.run(ask()) == ["done"] * 20


def connections() -> int:
    """Sockets of this process, the server's ends included."""
    return sum(is_socket(each) for each in Path("/proc/self/fd").iterdir())


def is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except OSError:  # closed meanwhile
        return False
