# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from agent_runtime.llm.server import server_attributes


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [
        ("https://api.openai.com/v1/", "api.openai.com", 443),
        ("http://localhost", "localhost", 80),
        ("http://[::1]:8000/v1", "::1", 8000),
    ],
)
def test_a_url_has_an_address_and_a_port(url: str, address: str, port: int):
    assert server_attributes(url) == {"server.address": address, "server.port": port}


def test_a_scheme_without_a_known_port_has_none():
    assert server_attributes("unix+http://models") == {"server.address": "models"}


def test_without_a_host_there_is_nothing_to_say():
    assert server_attributes("/v1") == {}
