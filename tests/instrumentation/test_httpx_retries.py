# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import socket
import threading

import httpx
import pytest
from support.ports import free_port

from telemetry.instrumentation import HttpxRetryInstrumentor

REFUSED = ("tool_failure", "tool", "true")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


class Late:
    """A server that begins to listen when a client tries again."""

    def __init__(self, answer: bytes = ANSWER) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.events: list[str] = []
        self._answer = answer
        self._server: threading.Thread | None = None

    def trace(self, event: str, info: object) -> None:
        self.events.append(event)
        if event == "connection.retry.started":
            listener = socket.create_server(("127.0.0.1", self.port))
            self._server = threading.Thread(target=self._serve, args=(listener,))
            self._server.start()

    async def trace_async(self, event: str, info: object) -> None:
        self.trace(event, info)

    def _serve(self, listener: socket.socket) -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(self._answer)

    def close(self) -> None:
        if self._server is not None:
            self._server.join(10)


@pytest.fixture
def late():
    servers = []

    def start(*answer: bytes) -> Late:
        servers.append(Late(*answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def sync_get(url, retries, trace=None):
    with httpx.Client(transport=httpx.HTTPTransport(retries=retries)) as client:
        return client.get(url, extensions={"trace": trace.trace} if trace else {})


def async_get(url, retries, trace=None):
    async def main():
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=retries)) as client:
            return await client.get(url, extensions={"trace": trace.trace_async} if trace else {})

    return asyncio.run(main())


@pytest.fixture(params=[sync_get, async_get])
def get(request, instrument, reported):
    instrument(HttpxRetryInstrumentor)
    return request.param


def test_a_connection_that_works_at_the_second_attempt_is_a_recovery(get, late, reported):
    server = late()
    response = get(server.url, 1, server)

    assert response.text == "ok"
    assert reported.errors == reported.recovered == {REFUSED: 1}


def test_the_users_own_trace_still_sees_everything_and_stays(get, late):
    server = late()
    response = get(server.url, 1, server)

    assert server.events[:2] == ["connection.connect_tcp.started", "connection.connect_tcp.failed"]
    assert response.request.extensions["trace"] in (server.trace, server.trace_async)


def test_giving_up_counts_every_attempt_and_recovers_none(get, reported):
    with pytest.raises(httpx.ConnectError):
        get(f"http://127.0.0.1:{free_port()}/", 1)

    assert reported.errors == {REFUSED: 2}
    assert reported.recovered == {}


def test_without_retries_nothing_is_counted(get, reported):
    with pytest.raises(httpx.ConnectError):
        get(f"http://127.0.0.1:{free_port()}/", 0)

    assert reported.errors == {}


def test_a_connection_that_breaks_later_was_made_all_the_same(get, late, reported):
    server = late(b"")
    with pytest.raises(httpx.RemoteProtocolError):
        get(server.url, 1, server)

    assert reported.errors == reported.recovered == {REFUSED: 1}


def test_a_request_cancelled_between_two_attempts_recovers_nothing(instrument, reported):
    instrument(HttpxRetryInstrumentor, component="crm")

    class Cancel:
        async def trace_async(self, event, info):
            if event == "connection.retry.started":
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        async_get(f"http://127.0.0.1:{free_port()}/", 1, Cancel())

    assert reported.errors == {("tool_failure", "crm", "true"): 1}
    assert reported.recovered == {}


def test_uninstrument_restores_the_transports(reported):
    before = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request
    HttpxRetryInstrumentor().instrument()
    HttpxRetryInstrumentor().uninstrument()

    assert (httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request) == before
