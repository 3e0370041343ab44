# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gc
import weakref

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
