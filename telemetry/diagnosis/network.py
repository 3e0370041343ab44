# SPDX-License-Identifier: Apache-2.0
"""The first two steps of every connection: is the name known, and does something listen there?"""

from __future__ import annotations

import socket
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["connect", "explain_os_error", "resolve"]


def resolve(
    host: str,
    port: int,
    timeout_s: float,
    getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo,
) -> Answer:
    """Ask the system for the addresses of a host.

    Args:
        host: Host name or address.
        port: TCP port.
        timeout_s: How long to wait for the name server.
        getaddrinfo: Asks the system.
    """
    answers: SimpleQueue[Answer] = SimpleQueue()

    def ask() -> None:
        try:
            found = getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as err:  # UnicodeError: a label that is too long for a name
            reason = getattr(err, "strerror", None) or err
            answers.put(Answer(symptoms.UNKNOWN_HOST, f"{host} ({reason})"))
        else:
            # Order kept, doubles dropped: the addresses are tried in this order.
            addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
            words = "an address" if host in addresses else ", ".join(addresses)
            answers.put(Answer(symptoms.RESOLVED, f"{host} is {words}"))

    # getaddrinfo knows no timeout, and an abandoned daemon thread does not hold up the exit.
    threading.Thread(target=ask, name="kairos-doctor-resolver", daemon=True).start()
    try:
        return answers.get(timeout=timeout_s)
    except Empty:
        return Answer(symptoms.RESOLVER_SILENT, f"no answer about {host} within {timeout_s:g} s")


def connect(host: str, port: int, timeout_s: float) -> Answer:
    """Open a TCP connection and close it again."""
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError as err:
        return explain_os_error(err, host, port, timeout_s)
    return Answer(symptoms.CONNECTED, f"{host} port {port}")


def explain_os_error(err: OSError, host: str, port: int, timeout_s: float) -> Answer:
    """Say why a TCP connection could not be opened."""
    if isinstance(err, ConnectionRefusedError):
        return Answer(symptoms.NOTHING_LISTENS, f"{host} port {port} refuses connections")
    if isinstance(err, TimeoutError):
        return Answer(symptoms.NO_ANSWER, f"{host} port {port}, within {timeout_s:g} s")
    return Answer(symptoms.NO_ROUTE, f"{host} port {port} ({err.strerror or err})")
