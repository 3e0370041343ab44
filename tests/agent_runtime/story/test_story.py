# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from random import Random

import pytest

from agent_runtime.story import Story
from agent_runtime.story.scenes import TAIL, least_turns, turns
from telemetry import CircuitState, ErrorCode, HealthStatus


class Pauses:
    """Real time that passes only by pausing."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def play(duration_s: float = 0.0, rate: float = 10.0, seed: int = 1) -> tuple[Story, Pauses, list[str]]:
    pauses = Pauses()
    story = Story(duration_s=duration_s, rate=rate, seed=seed, sleep=pauses.sleep, clock=pauses.clock)
    scenes: list[str] = []

    def on_turn(scene: str) -> None:
        assert story.cast.remaining() == 0, f"not everything that was ordered for {scene!r} happened"
        scenes.append(scene)

    asyncio.run(story.play(on_turn))
    return story, pauses, scenes


@pytest.mark.parametrize("seed", range(8))
def test_everything_that_was_ordered_happens_whatever_the_seed(seed: int):
    story, _, scenes = play(duration_s=12.0, seed=seed)
    assert len(scenes) == story.total == 120


def test_all_nine_codes_and_every_state_appear(observed):
    play()
    assert {code for code, _, _ in observed.errors} == {code.value for code in ErrorCode}
    assert set(observed.health.values()) == set(HealthStatus)
    assert set(observed.circuit.values()) == set(CircuitState)
    assert observed.circuit["llm"] is CircuitState.CLOSED
    assert 0 < sum(observed.recovered.values()) < sum(observed.errors.values())


def test_nothing_is_recovered_that_was_no_error(observed):
    play(duration_s=9.0, seed=3)
    assert all(count <= observed.errors[key] for key, count in observed.recovered.items())


def test_it_takes_the_time_that_it_was_given():
    _, pauses, scenes = play(duration_s=20.0, rate=5.0)
    assert len(scenes) == 100
    assert pauses.now == pytest.approx(20.0, abs=0.5)


def test_every_scene_is_played_however_short_it_is():
    story, _, scenes = play(duration_s=0.0)
    assert story.total == least_turns()
    assert scenes[-len(TAIL) :] == [turn.scene for turn in TAIL]


def test_the_order_depends_on_the_seed_alone():
    assert play(seed=5)[2] == play(seed=5)[2]
    assert play(seed=5)[2] != play(seed=6)[2]


@pytest.mark.parametrize("total", [least_turns(), least_turns() + 1, 100, 101, 102, 103, 104, 105])
def test_the_number_of_turns_is_exact(total: int):
    assert len(list(turns(total, Random(4)))) == total
