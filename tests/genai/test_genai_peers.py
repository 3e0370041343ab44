# SPDX-License-Identifier: Apache-2.0
"""Real instrumentors of the real openai client: one at a time, and several at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.peers import run_peer
from support.tiny_openai import STORY, STORY_ERRORS, STORY_RECOVERED, tiny_openai

PEERS = Path(__file__).parent / "peers"
ONE = ("openinference", "traceloop", "official")
SEVERAL = (
    ("openinference", "traceloop"),
    ("traceloop", "openinference"),
    ("official", "openinference"),
    ("traceloop", "official"),
    ("openinference", "traceloop", "official"),
)


def run(environment: str, *instrumentors: str):
    with tiny_openai() as server:
        found = run_peer(PEERS / f"{environment}.txt", PEERS / "client.py", server.base_url, *instrumentors)
        assert server.requests == len(STORY)
    return found


@pytest.mark.parametrize("instrumentor", ONE)
def test_the_story_is_told_by_one_instrumentor(instrumentor):
    found = run(instrumentor, instrumentor)

    assert found["errors"] == STORY_ERRORS
    assert found["recovered"] == STORY_RECOVERED
    assert found["components"] == ["llm"]
    assert found["calls"] == len(STORY)
    assert found["tokens"] == STORY.count(200) * 14


@pytest.mark.parametrize("instrumentors", SEVERAL, ids="+".join)
def test_several_instrumentors_at_once_count_nothing_twice(instrumentors):
    found = run("together", *instrumentors)
    scopes = {span["scope"] for span in found["spans"]}

    assert len(scopes - {"application"}) == len(instrumentors)
    # Traceloop's and the official one measure calls by themselves, each of them; we must not add to it.
    measures = max(1, len({"traceloop", "official"}.intersection(instrumentors)))
    assert found["errors"] == STORY_ERRORS
    assert found["recovered"] == STORY_RECOVERED
    assert found["calls"] == measures * len(STORY)
    assert found["tokens"] == measures * STORY.count(200) * 14


def test_langgraph_with_openinference_tells_the_same_story():
    with tiny_openai() as server:
        found = run_peer(PEERS / "langgraph.txt", PEERS / "graph.py", server.base_url)

    assert found["errors"] == STORY_ERRORS
    assert found["recovered"] == STORY_RECOVERED
