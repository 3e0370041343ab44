# SPDX-License-Identifier: Apache-2.0
"""Who plays in the demo: a travel assistant, its models, tools and memory, all of them local."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date  # noqa: TC003 - the tools' schemas are made from these annotations
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from agent_runtime.faults import FaultPlan
from agent_runtime.llm.scripted import ScriptedModel
from agent_runtime.loop import Agent
from agent_runtime.memory import InProcessMemory
from agent_runtime.resilience import BreakerSettings, Policy, Resilience, RetrySettings, Timing, Value
from agent_runtime.story.scenes import OPEN_S, Turn

if TYPE_CHECKING:
    from random import Random

__all__ = ["Cast", "StoryClock"]

Sleep = Callable[[float], Awaitable[object]]


class StoryClock:
    """Time in the story: a second of it passes in a hundredth of a real one, or as told.

    Circuit breakers and waits go by it, so the story is the same however slow the machine is.

    Args:
        sleep: Real pauses.
    """

    SCALE = 0.01

    def __init__(self, sleep: Sleep) -> None:
        self._now_s = 0.0
        self._sleep = sleep

    def __call__(self) -> float:
        """Returns the seconds of the story that have passed."""
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        """Lets seconds of the story pass."""
        self._now_s += seconds
        await self._sleep(seconds * self.SCALE)

    def advance(self, seconds: float) -> None:
        """Skips seconds of the story."""
        self._now_s += seconds


class Cast:
    """The agent and everything around it whose faults can be ordered.

    Args:
        random: Jitter and ids.
        sleep: Real pauses.
    """

    def __init__(self, random: Random, sleep: Sleep) -> None:
        self.clock = StoryClock(sleep)
        self._model = ScriptedModel(name="atlas-large", provider="scripted", sleep=self.clock.sleep)
        self._backup = ScriptedModel(name="atlas-small", provider="scripted", sleep=self.clock.sleep)
        self._memory = InProcessMemory(faults=FaultPlan(sleep=self.clock.sleep))
        self._tools = {name: FaultPlan(sleep=self.clock.sleep) for name in _TOOLS}
        policy = Policy(retry=RetrySettings(), breaker=BreakerSettings(open_s=OPEN_S))
        self.agent = Agent(
            self._model,
            [make(self._tools[name]) for name, make in _TOOLS.items()],
            self._memory,
            "You help people who travel.",
            max_iterations=4,
            name="concierge",
            role="travel",
            resilience=Resilience(
                model=policy,
                tool=policy,
                memory=policy,
                fallback_models=(self._backup,),
                fallback_tools={"currency": (Value('{"rate": 0.95, "as_of": "yesterday"}'),)},
                timing=Timing(clock=self.clock, sleep=self.clock.sleep, uniform=random.uniform),
            ),
            new_id=lambda: f"{random.getrandbits(128):032x}",
        )

    def prepare(self, turn: Turn) -> None:
        """Orders what will happen in a turn."""
        self.clock.advance(turn.wait_s)
        self._model.order(*turn.model)
        self._backup.order(*turn.backup)
        self._memory.faults.order(*turn.memory)
        for name, faults in turn.tools.items():
            self._tools[name].order(*faults)

    def remaining(self) -> int:
        """Returns how much of what was ordered did not happen; 0 after every turn."""
        return (
            self._model.remaining
            + self._backup.remaining
            + self._memory.faults.remaining
            + sum(plan.remaining for plan in self._tools.values())
        )


def _weather(faults: FaultPlan) -> Callable[..., object]:
    async def weather(
        city: str, days: Annotated[int, Field(ge=1, le=14, description="how many days ahead")] = 1
    ) -> dict[str, object]:
        """Tell the weather of the next days."""
        await faults.next()
        return {"city": city, "days": days, "forecast": "sun, 24 °C"}

    return weather


def _flights(faults: FaultPlan) -> Callable[..., object]:
    async def flights(origin: str, destination: str, day: date) -> list[dict[str, str]]:
        """Find flights between two airports."""
        await faults.next()
        return [{"from": origin, "to": destination, "day": day.isoformat(), "number": "KT 204"}]

    return flights


def _hotels(faults: FaultPlan) -> Callable[..., object]:
    async def hotels(city: str, nights: Annotated[int, Field(ge=1)] = 1) -> list[str]:
        """Find hotels with free rooms."""
        await faults.next()
        return [f"Hotel {city}, {nights} nights"]

    return hotels


def _currency(faults: FaultPlan) -> Callable[..., object]:
    async def currency(base: str, quote: str) -> dict[str, object]:
        """Tell an exchange rate."""
        await faults.next()
        return {"base": base, "quote": quote, "rate": 0.96}

    return currency


def _calendar(faults: FaultPlan) -> Callable[..., object]:
    async def calendar(day: date) -> list[str]:
        """List the appointments of a day."""
        await faults.next()
        return [f"{day.isoformat()} 10:00 dentist"]

    return calendar


_TOOLS: dict[str, Callable[[FaultPlan], Callable[..., object]]] = {
    "weather": _weather,
    "flights": _flights,
    "hotels": _hotels,
    "currency": _currency,
    "calendar": _calendar,
}
