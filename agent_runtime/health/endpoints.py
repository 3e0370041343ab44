# SPDX-License-Identifier: Apache-2.0
"""`/healthz` and `/readyz`: the registry over HTTP, for load balancers, orchestrators and people."""

from __future__ import annotations

import hmac
import ipaddress
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from agent_runtime.health.registry import HealthRegistry

__all__ = ["HealthServer"]

_REQUEST_TIMEOUT_S = 5.0
_POLL_S = 0.05


class HealthServer:
    """Serves the registry's report while its `with` block is open, from a background thread.

    `GET /healthz` answers 200, or 503 while a required component is unhealthy; `GET /readyz` says
    503 also until every required component was checked. The body of both is the report as JSON.

    Args:
        registry: Whose report.
        host: Where it listens. Beyond this machine only with a token: the report says what the
            process depends on and what is wrong with it.
        port: 0: a free one; see `port` once it is open.
        token: Asked for as `Authorization: Bearer <token>`; None: not asked for.

    Attributes:
        host: The same host.
        port: The port it listens on.

    Raises:
        ValueError: A host beyond this machine without a token, or an empty token.
        OSError: The port is taken.
    """

    def __init__(
        self, registry: HealthRegistry, *, host: str = "127.0.0.1", port: int = 0, token: str | None = None
    ) -> None:
        if token == "":
            raise ValueError("token='': allowed is a text, or None to ask for no token.")
        if token is None and not _is_this_machine(host):
            raise ValueError(
                f"host={host!r} can be reached from other machines, and no token is set; "
                "allowed are 127.0.0.1, ::1 and localhost, or set a token."
            )
        self.host = host
        self._registry = registry
        self._expected = None if token is None else f"Bearer {token}".encode()
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="kairos-health-http", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, authorization: str | None) -> tuple[HTTPStatus, dict[str, object]]:
        """Returns status and body of a request's answer.

        Args:
            path: Its path.
            authorization: Its header of that name.
        """
        given = (authorization or "").encode("utf-8", "replace")
        if self._expected is not None and not hmac.compare_digest(given, self._expected):
            return HTTPStatus.UNAUTHORIZED, {"error": "this needs the header 'Authorization: Bearer <token>'"}
        if path == "/healthz":
            is_well = self._registry.is_healthy()
        elif path == "/readyz":
            is_well = self._registry.is_ready()
        else:
            return HTTPStatus.NOT_FOUND, {"error": "there are /healthz and /readyz"}
        status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
        return status, self._registry.report()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            timeout = _REQUEST_TIMEOUT_S  # for one who connects and says nothing
            server_version = "kairos"
            sys_version = ""

            def do_GET(self) -> None:
                status, report = answer(urlsplit(self.path).path, self.headers.get("Authorization"))
                body = json.dumps(report).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                if status is HTTPStatus.UNAUTHORIZED:
                    self.send_header("WWW-Authenticate", "Bearer")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None:
                """Says nothing: probes come every few seconds."""

        return Handler


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
