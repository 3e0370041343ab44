# SPDX-License-Identifier: Apache-2.0
"""TLS in front of receivers that speak none: certificates of our own and a proxy that ends TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, a server for localhost and 127.0.0.1, a client; and a stranger's authority."""

    authority: Path
    server: Path
    client: Path
    client_key: Path
    other_authority: Path

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        ca, stranger = trustme.CA(), trustme.CA()
        server, client = ca.issue_cert("localhost", "127.0.0.1"), ca.issue_cert("client.test")
        made = cls(
            folder / "ca.pem",
            folder / "server.pem",
            folder / "client.pem",
            folder / "client.key",
            folder / "stranger.pem",
        )
        ca.cert_pem.write_to_path(str(made.authority))
        stranger.cert_pem.write_to_path(str(made.other_authority))
        server.private_key_and_cert_chain_pem.write_to_path(str(made.server))
        client.cert_chain_pems[0].write_to_path(str(made.client))
        client.private_key_pem.write_to_path(str(made.client_key))
        return made

    def server_context(self, *, wants_client: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.server)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if wants_client:
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Proxy:
    """Accepts on a port of its own, with TLS if given a context, and passes bytes on to another port.

    `bytes_in` counts what clients sent, after TLS: how compression is seen from outside.
    """

    def __init__(self, target_port: int, context: ssl.SSLContext | None = None) -> None:
        self._target_port = target_port
        self._context = context
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxy")
        self.port = 0
        self.bytes_in = 0

    def __enter__(self) -> Proxy:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # refused handshakes are what tests want
        self._stop = asyncio.Event()
        self._connections: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        open_ones = dict(self._connections)
        for connection, ends in open_ones.items():
            connection.cancel()
            for end in ends:
                end.transport.abort()
        await asyncio.gather(*open_ones, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ends = self._connections[task] = [writer]
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        ends.append(far_writer)
        pumps = [
            asyncio.ensure_future(self._pump(reader, far_writer, counts=True)),
            asyncio.ensure_future(self._pump(far_reader, writer, counts=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for end in ends:
                end.close()
        await asyncio.gather(*pumps, *(end.wait_closed() for end in ends), return_exceptions=True)
        del self._connections[task]

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if counts:
                    self.bytes_in += len(data)
                writer.write(data)
                await writer.drain()
