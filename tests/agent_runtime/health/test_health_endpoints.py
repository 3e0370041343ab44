# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import http.client
import json

import pytest

from agent_runtime.health import HealthRegistry, HealthServer


def registry(result: bool | None) -> HealthRegistry:
    """A registry with one component whose check gave this result; None: it was not checked."""
    health = HealthRegistry()
    health.add("llm", lambda: result, failures=1)
    if result is not None:
        asyncio.run(health.check())
    return health


def get(server: HealthServer, path: str, method: str = "GET", **headers: str):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("result", "healthz", "readyz"), [(True, 200, 200), (False, 503, 503), (None, 200, 503)]
)
def test_the_status_says_whether_it_is_well_and_ready(result, healthz, readyz):
    with HealthServer(registry(result)) as server:
        assert (get(server, "/healthz")[0], get(server, "/readyz?verbose=1")[0]) == (healthz, readyz)


def test_the_body_is_the_report():
    health = registry(True)
    with HealthServer(health) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        _, body, headers = get(server, "/healthz")
    assert json.loads(body) == health.report()
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("application/json", "no-store")


def test_head_has_no_body():
    with HealthServer(registry(True)) as server:
        assert get(server, "/healthz", "HEAD")[:2] == (200, b"")


def test_there_is_nothing_else():
    with HealthServer(registry(True)) as server:
        assert get(server, "/metrics")[0] == 404
        assert get(server, "/healthz", "POST")[0] == 501


def test_a_token_is_asked_for():
    with HealthServer(registry(True), token="s3cret") as server:
        status, body, headers = get(server, "/healthz")
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert b"llm" not in body
        assert get(server, "/healthz", Authorization="Bearer wrong")[0] == 401
        assert get(server, "/healthz", Authorization="Bearer s3cret")[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "example.com"])
def test_beyond_this_machine_a_token_is_needed(host):
    with pytest.raises(
        ValueError, match=f"host='{host}' can be reached from other machines, and no token is set"
    ):
        HealthServer(registry(True), host=host)


def test_localhost_is_this_machine():
    with HealthServer(registry(True), host="localhost") as server:
        assert get(server, "/healthz")[0] == 200


def test_an_empty_token_is_refused():
    with pytest.raises(ValueError, match="token='': allowed is a text, or None"):
        HealthServer(registry(True), token="")


def test_the_port_is_free_again_afterwards():
    with HealthServer(registry(True)) as server:
        port = server.port
    with HealthServer(registry(True), port=port) as again:
        assert again.port == port
