# SPDX-License-Identifier: Apache-2.0
"""Faults to order: what real services do wrong, for scripted models, tools and memories.

A fault is plain data that makes a new exception each time it strikes, of the kinds that real
clients raise, so that classification is exercised rather than bypassed.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from email.message import EmailMessage
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.error import HTTPError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

__all__ = [
    "Fault",
    "FaultPlan",
    "bad_request",
    "connection_reset",
    "delay",
    "http_error",
    "malformed_reply",
    "not_found",
    "rate_limit",
    "server_error",
    "timeout",
    "unauthorized",
]


# 529 is no registered status, but what an overloaded model provider answers with.
_PHRASES = {**{status.value: status.phrase for status in HTTPStatus}, 529: "Overloaded"}


def http_error(status_code: int, headers: Mapping[str, str] | None = None) -> HTTPError:
    """Returns what the standard library's HTTP client raises for an error status.

    Args:
        status_code: The HTTP status.
        headers: Response headers.
    """
    fields = EmailMessage()
    for name, value in (headers or {}).items():
        fields[name] = value
    return HTTPError(
        "https://service.invalid/", status_code, _PHRASES.get(status_code, "Error"), fields, None
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, or takes long.

    Attributes:
        name: What it is called in reports.
        make: Makes the exception; None for a fault that only takes time.
        delay_s: How long it takes before it strikes, in seconds.
    """

    name: str
    make: Callable[[], Exception] | None
    delay_s: float = 0.0


def rate_limit(retry_after_s: float | None = None) -> Fault:
    """Returns HTTP 429, with a `Retry-After` header when seconds are given."""
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    return Fault("rate limit", lambda: http_error(429, headers))


def server_error(status_code: int = 500) -> Fault:
    """Returns an HTTP 5xx answer."""
    return Fault(f"server error {status_code}", lambda: http_error(status_code))


def unauthorized() -> Fault:
    """Returns HTTP 401: the key is wrong or has expired."""
    return Fault("unauthorized", lambda: http_error(401))


def not_found() -> Fault:
    """Returns HTTP 404: no such model, document or record."""
    return Fault("not found", lambda: http_error(404))


def bad_request() -> Fault:
    """Returns HTTP 400: the request itself is wrong, so that another attempt is useless."""
    return Fault("bad request", lambda: http_error(400))


def timeout(delay_s: float = 0.0) -> Fault:
    """Returns a client-side timeout that strikes after `delay_s` seconds."""
    return Fault("timeout", lambda: TimeoutError("the request timed out"), delay_s)


def connection_reset() -> Fault:
    """Returns a connection that the other side closes in the middle of an answer."""
    return Fault("connection reset", lambda: ConnectionResetError("connection reset by peer"))


def malformed_reply() -> Fault:
    """Returns an answer that is not the JSON it should be."""
    return Fault("malformed reply", lambda: json.JSONDecodeError("Expecting value", '{"choices": [', 13))


def delay(delay_s: float) -> Fault:
    """Returns no error: the call takes `delay_s` seconds longer and then goes on."""
    return Fault("delay", None, delay_s)


async def strike(fault: Fault, sleep: Callable[[float], Awaitable[object]]) -> None:
    """Lets a fault happen: waits as long as it takes and raises its exception, if it has one."""
    if fault.delay_s:
        await sleep(fault.delay_s)
    if fault.make is not None:
        raise fault.make()


class FaultPlan:
    """The faults that a component will show, in order: one per call, None for a call that works.

    Args:
        faults: The first calls' faults; calls past the last one work.
        sleep: How delays pass; injected by tests.
    """

    def __init__(
        self,
        faults: Iterable[Fault | None] = (),
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._faults = list(faults)
        self._sleep = sleep

    @property
    def remaining(self) -> int:
        """How many ordered calls were not made yet."""
        return len(self._faults)

    def order(self, *faults: Fault | None) -> None:
        """Appends faults for later calls."""
        self._faults.extend(faults)

    async def next(self) -> None:
        """Lets the next fault happen, if one is due.

        Raises:
            Exception: The fault's.
        """
        fault = self._faults.pop(0) if self._faults else None
        if fault is not None:
            await strike(fault, self._sleep)
