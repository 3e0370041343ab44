# SPDX-License-Identifier: Apache-2.0
"""The gate: a TCP port that can be shut, frozen, or break one connection, in front of a real server."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HOST", "Gate"]

HOST = "127.0.0.1"
_CHUNK = 65536
_PATIENCE_S = 10.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

T = TypeVar("T")


class Gate:
    """Passes connections on to a server on this machine, byte by byte. Thread-safe.

    Servers, gRPC's above all, give no hand on their sockets. The gate has one end of each, so it
    can refuse and break connections as a machine or a network does that goes away.

    Args:
        target_port: Where the server listens.

    Attributes:
        port: The gate's own port; it stays the same while the gate is shut.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        # It never listens; while the gate is shut it keeps others from being given the port.
        self._holder = _bound(0)
        self.port = int(self._holder.getsockname()[1])
        self._links: dict[int, _Link] = {}
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="faulty-receiver-gate", daemon=True)
        self._thread.start()
        self._flow = self._call(asyncio.Event)
        self.thaw()
        self.open()

    def open(self) -> None:
        """Accepts connections (again)."""

        async def listen() -> None:
            if self._listener is None:
                self._listener = await asyncio.start_server(self._pass_on, sock=_bound(self.port))

        self._run(listen)

    def shut(self) -> None:
        """Refuses connections and breaks the ones that are open."""

        async def stop() -> None:
            listener, self._listener = self._listener, None
            if listener is not None:
                listener.close()
            for link in list(self._links.values()):
                link.break_off()

        self._run(stop)

    def freeze(self) -> None:
        """Accepts connections, but lets no byte through until `thaw`."""
        self._call(self._flow.clear)

    def thaw(self) -> None:
        """Lets bytes through, also those that were held back."""
        self._call(self._flow.set)

    def break_off(self, server_side_port: int) -> None:
        """Resets the connection that the server knows by this peer port."""
        link = self._links.get(server_side_port)
        if link is not None:
            self._call(link.break_off)
            link.ended.wait(_PATIENCE_S)

    def ended(self, server_side_port: int) -> Event:
        """Return an event that is set when that connection ends."""
        link = self._links.get(server_side_port)
        if link is not None:
            return link.ended
        over = Event()
        over.set()
        return over

    def close(self) -> None:
        """Breaks every connection and gives the port back."""
        self.thaw()
        self.shut()

        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._run(finish)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()
        self._holder.close()

    # -- in the loop's thread --------------------------------------------------------------

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        key = int(inner_writer.get_extra_info("sockname")[1])
        link = self._links[key] = _Link(writer, inner_writer)
        pumps = [
            asyncio.ensure_future(self._pump(reader, inner_writer)),
            asyncio.ensure_future(self._pump(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            self._links.pop(key, None)
            link.end()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._flow.wait()
                writer.write(data)
                await writer.drain()

    # -- from other threads ----------------------------------------------------------------

    def _run(self, work: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(_PATIENCE_S)  # type: ignore[arg-type]  # coroutine functions only

    def _call(self, work: Callable[[], T]) -> T:
        async def call() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(_PATIENCE_S)


class _Link:
    """One connection: the client's end and the server's."""

    def __init__(self, outer: asyncio.StreamWriter, inner: asyncio.StreamWriter) -> None:
        self._outer = outer
        self._inner = inner
        self.ended = Event()

    def break_off(self) -> None:
        client = self._outer.get_extra_info("socket")
        with suppress(OSError):  # it may have ended by itself
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._outer.transport.abort()
        self._inner.transport.abort()

    def end(self) -> None:
        # What the server wrote last is still sent; an aborted transport is closed already.
        self._outer.close()
        self._inner.close()
        self.ended.set()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound
