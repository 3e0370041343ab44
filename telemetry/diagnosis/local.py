# SPDX-License-Identifier: Apache-2.0
"""Checks of the exporters that need no receiver: stdout, file, prometheus, memory, none, inherit."""

from __future__ import annotations

import errno
import http.client
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.config import Settings

__all__ = ["LOCAL"]

_SCRAPE_TIMEOUT_S = 2.0


def _check_file(config: Settings) -> Answer:
    """Open the file for appending, as the exporter does; a file that was not there is removed again."""
    path = Path(config.file_path)
    is_new = not path.exists()
    try:
        with path.open("ab"):
            pass
        if is_new:
            path.unlink()
    except OSError as err:
        return Answer(symptoms.FILE_BLOCKED, f"{path} ({err.strerror})")
    return Answer(symptoms.FILE_WRITABLE, str(path))


def _check_prometheus(config: Settings) -> Answer:
    """Open the port for a moment; where that fails, see whether metrics are served there."""
    host, port = config.prometheus_host, config.prometheus_port
    place = f"{host} port {port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as server:
            # As HTTP servers do: a port that was closed a moment ago is free.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
            server.listen(1)
    except OSError as err:
        if err.errno != errno.EADDRINUSE:
            return Answer(symptoms.PORT_BLOCKED, f"{place} ({err.strerror})")
        return Answer(symptoms.PORT_SERVES if _serves_metrics(host, port) else symptoms.PORT_TAKEN, place)
    return Answer(symptoms.PORT_FREE, place)


def _serves_metrics(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=_SCRAPE_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        return response.status == 200 and b"# TYPE" in response.read(65536)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


LOCAL: Mapping[str, Callable[[Settings], Answer]] = {
    "stdout": lambda _: Answer(symptoms.STDOUT),
    "memory": lambda _: Answer(symptoms.MEMORY),
    "file": _check_file,
    "prometheus": _check_prometheus,
    "none": lambda _: Answer(symptoms.NOTHING_LEAVES),
    "inherit": lambda _: Answer(symptoms.INHERITED),
}
