# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from agent_runtime.llm.attributes import request_attributes, server_attributes


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


def test_parameters_of_a_request_are_attributes():
    fields = {
        "max_completion_tokens": 100,
        "temperature": 0.5,
        "top_p": 1,
        "top_k": 40,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.1,
        "seed": 7,
        "n": 2,
        "stop": ["a", "b"],
    }
    assert request_attributes(fields) == {
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 1,
        "gen_ai.request.top_k": 40,
        "gen_ai.request.frequency_penalty": 0.1,
        "gen_ai.request.presence_penalty": -0.1,
        "gen_ai.request.seed": 7,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.stop_sequences": ("a", "b"),
    }


def test_one_stop_sequence_may_be_given_as_text():
    assert request_attributes({"stop": "END"}) == {"gen_ai.request.stop_sequences": ("END",)}


@pytest.mark.parametrize(
    "fields", [{"n": 1}, {"temperature": None}, {"seed": True}, {"top_p": "1"}, {"stop": []}, {"user": "u"}]
)
def test_what_has_no_attribute_is_left_out(fields: dict[str, object]):
    assert request_attributes(fields) == {}
