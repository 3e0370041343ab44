# SPDX-License-Identifier: Apache-2.0
"""A provider's clients: what they are made with, and one per event loop, for connections belong to a loop."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

__all__ = ["Closable", "LoopClients", "given_settings"]


def given_settings(model: str, client: object | None, **settings: object) -> dict[str, Any]:
    """Returns the settings that have a value, for making a client.

    Args:
        model: Names the model in an error.
        client: The caller's own client, if there is one.
        settings: What a client would be made with; None where it is not given.

    Raises:
        ValueError: Both a client and settings for one were given.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    if client is not None and given:
        raise ValueError(
            f"{model}: {', '.join(given)} given beside a client, which has its own; "
            "give either the client or the settings."
        )
    return given


class Closable(Protocol):
    """A client that is closed when its event loop ends."""

    async def close(self) -> None:
        """Closes its connections."""
        ...


C = TypeVar("C", bound=Closable)


class LoopClients(Generic[C]):
    """Makes a client for each event loop that asks, and closes it when that loop shuts down.

    `asyncio.run` uses a new loop each time; a connection kept from the last one fails there. The
    end of a loop is noticed by `loop.shutdown_asyncgens`, which `asyncio.run` and every other
    runner calls: it closes an async generator that has the client inside. Thread-safe.

    Args:
        first: A client without a connection, for the first loop that asks.
        make: Makes one for each further loop.
    """

    def __init__(self, first: C, make: Callable[[], C]) -> None:
        self._spare: C | None = first
        self._make = make
        self._lock = Lock()
        self._lives: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[C, AsyncGenerator[None, None]]] = (
            WeakKeyDictionary()
        )

    async def get(self) -> C:
        """Returns the running loop's client."""
        loop = asyncio.get_running_loop()
        with self._lock:
            kept = self._lives.get(loop)
            if kept is not None:
                return kept[0]
            # A closed loop's connections hold on to it, so that its entry does not go by itself.
            for ended in [each for each in self._lives if each.is_closed()]:
                del self._lives[ended]
            client, self._spare = self._spare or self._make(), None
            life = _life(client)
            self._lives[loop] = (client, life)
        await anext(life)  # from here on the loop knows it
        return client


async def _life(client: Closable) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await client.close()
