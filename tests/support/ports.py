# SPDX-License-Identifier: Apache-2.0
"""Ports on this machine."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from itertools import count

# Not of those that a system gives to whoever binds port 0 or connects (Linux: from 32 768 on): tests that run
# at the same time do that all the time, and must not get a port before the server that it was found for.
_PORTS = range(20_000, 32_000)
_turns = count(secrets.randbelow(len(_PORTS)))


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on, and that is given to nobody else for a while."""
    while True:
        port = _PORTS[next(_turns) % len(_PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def is_listening(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
