# SPDX-License-Identifier: Apache-2.0
"""The demo's story: a travel assistant that meets everything that goes wrong, the same for every seed."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from agent_runtime.story.cast import Cast
from agent_runtime.story.scenes import least_turns, turns
from telemetry import KairosError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Story"]


class Story:
    """A run of the demo. The same seed, duration and rate give the same errors, in the same order.

    Args:
        duration_s: How long it should take. Every scene is played at least once, however short.
        rate: Runs of the agent per second; runs that take longer follow each other at once.
        seed: Chooses the order of the scenes, the jitter and the ids.
        sleep: Real pauses; injected by tests.
        clock: Monotonic seconds; injected by tests.

    Attributes:
        total: How many runs it has.
    """

    def __init__(
        self,
        *,
        duration_s: float,
        rate: float,
        seed: int,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = max(least_turns(), math.ceil(duration_s * rate))
        self._pause_s = 1.0 / rate
        self._random = Random(seed)  # noqa: S311 - a story to repeat, nothing to keep secret
        self._sleep = sleep
        self._clock = clock
        self.cast = Cast(self._random, sleep)

    async def play(self, on_turn: Callable[[str], None] = lambda _scene: None) -> None:
        """Plays the story; what its agent fails at is part of it and raises nothing.

        Args:
            on_turn: Told the scene after each run.
        """
        due_s = self._clock()
        for turn in turns(self.total, self._random):
            self.cast.prepare(turn)
            with suppress(KairosError, OSError):  # as ordered, and reported by the agent itself
                await self.cast.agent.run(turn.prompt, session_id="demo")
            on_turn(turn.scene)
            due_s += self._pause_s
            await self._sleep(max(0.0, due_s - self._clock()))
