# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from agent_runtime.mcp import MCPServer
from agent_runtime.mcp.transports import Http, Stdio


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com/mcp", "http://"])
def test_an_address_that_is_no_url_of_http_is_refused(url):
    with pytest.raises(ValueError, match=f"url='{url}': allowed are http:// and https:// URLs with a host"):
        MCPServer.http(url)


def test_the_port_is_the_schemes_when_none_is_given():
    assert Http("https://example.com/mcp").name == "example.com:443"
    assert Http("http://example.com/mcp").name == "example.com:80"


def test_nothing_secret_is_shown():
    route = Http("https://user:s3cret@example.com/mcp", {"Authorization": "s3cret"})
    assert "s3cret" not in repr(route) + route.name + str(route.facts)
    assert "s3cret" not in repr(Stdio("server", env={"TOKEN": "s3cret"}))
