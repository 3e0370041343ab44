# SPDX-License-Identifier: Apache-2.0
"""One attempt over HTTP: a deadline for all of it, and an end that can come from another thread.

requests and urllib3 know a limit for each single read only: a server that sends a byte every few
seconds would hold an attempt for ever.
"""

from __future__ import annotations

import contextlib
import io
import socket
from contextvars import ContextVar
from http.client import HTTPResponse
from time import monotonic
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Attempt", "AttemptAdapter"]

_BLOCK = 16 * 1024  # one TLS record: a send then makes one system call, which its timeout covers


class Attempt:
    """One attempt, from the look-up of the name to the last byte of the answer.

    Args:
        timeout_s: How long it may take.
    """

    def __init__(self, timeout_s: float) -> None:
        self._deadline = monotonic() + timeout_s
        self._socket: socket.socket | None = None
        self._is_cut = False

    def left_s(self) -> float:
        """Returns the seconds that are left.

        Raises:
            TimeoutError: None are.
        """
        left_s = self._deadline - monotonic()
        if left_s <= 0:
            raise TimeoutError("the time for the attempt is over")
        return left_s

    def hold(self, connection: socket.socket) -> None:
        """Lets the next operation on a socket end in time; the socket is the one to cut from now on.

        Raises:
            OSError: The attempt is over.
        """
        self._socket = connection
        if self._is_cut:
            raise ConnectionAbortedError("the attempt was cut short")
        connection.settimeout(self.left_s())

    def cut(self) -> None:
        """Ends the attempt from another thread; what waits for the network fails at once."""
        self._is_cut = True
        connection = self._socket
        if connection is not None:
            with contextlib.suppress(OSError):  # closed just now
                connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Makes this the attempt of everything that the thread does over HTTP."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[Attempt] = ContextVar("attempt")  # requests and urllib3 pass nothing on to a connection


class _Answer(io.RawIOBase):
    """The bytes of an answer, each read of them in time."""

    def __init__(self, raw: Any, connection: socket.socket) -> None:
        super().__init__()
        self._raw = raw
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        _CURRENT.get().hold(self._connection)
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Answer(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        attempt = _CURRENT.get()
        failure: OSError | None = None
        # urllib3 would give each of a name's addresses the whole time.
        for family, kind, protocol, _, address in socket.getaddrinfo(
            self.host, self.port, 0, socket.SOCK_STREAM
        ):
            connection = socket.socket(family, kind, protocol)
            try:
                attempt.hold(connection)
                for option in self.socket_options or ():
                    connection.setsockopt(*option)
                connection.connect(address)
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection
        raise failure or OSError(f"{self.host} has no address")

    def send(self, data: Any) -> None:
        for start in range(0, len(data), _BLOCK):
            if self.sock is not None:  # else the first send connects
                _CURRENT.get().hold(self.sock)
            super().send(data[start : start + _BLOCK])


class _SecureConnection(_Connection, HTTPSConnection):
    """The same inside TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class AttemptAdapter(HTTPAdapter):
    """Connections that keep to the deadline of the thread's `Attempt`; it has to be `running`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Uses our connections for direct requests."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Uses our connections for requests through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager
