# SPDX-License-Identifier: Apache-2.0
"""The demo's scenes: what users ask, and what goes wrong while they are served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_runtime.faults import (
    Fault,
    bad_request,
    connection_reset,
    malformed_reply,
    rate_limit,
    server_error,
    timeout,
    unauthorized,
)
from agent_runtime.llm.scripted import Step, call_tools, say
from agent_runtime.types import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

__all__ = ["OPEN_S", "SCENES", "TAIL", "Turn", "turns"]

OPEN_S = 30.0
"""How long the story's circuit breakers stay open, in seconds of the story."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of the agent, and what will happen in it.

    Attributes:
        scene: Name of the scene, for people.
        prompt: What the user says.
        model: What the model does, attempt by attempt.
        backup: What the fallback model does.
        tools: Faults by tool, call by call; None: the call works.
        memory: Faults of the memory, call by call.
        wait_s: Seconds of the story that pass before.
    """

    scene: str
    prompt: str
    model: tuple[Step, ...] = ()
    backup: tuple[Step, ...] = ()
    tools: Mapping[str, tuple[Fault | None, ...]] = field(default_factory=dict)
    memory: tuple[Fault | None, ...] = ()
    wait_s: float = 0.0


_DONE = say("Here you are.", usage=Usage(240, 18))
_WEATHER = call_tools(("weather", {"city": "Lisbon"}), usage=Usage(180, 12))
_FLIGHTS = call_tools(
    ("flights", {"origin": "VIE", "destination": "LIS", "day": "2026-05-04"}), usage=Usage(190, 25)
)
_HOTELS = call_tools(("hotels", {"city": "Lisbon", "nights": 3}), usage=Usage(185, 16))
_CURRENCY = call_tools(("currency", {"base": "EUR", "quote": "CHF"}), usage=Usage(170, 14))
_CALENDAR = call_tools(("calendar", {"day": "2026-05-04"}), usage=Usage(175, 13))

_DOWN = server_error(500)
_BUSY = server_error(503)

_EVERYTHING = call_tools(
    ("hotels", {"city": "Lisbon", "nights": 3}),
    ("currency", {"base": "EUR", "quote": "CHF"}),
    ("calendar", {"day": "2026-05-05"}),
    usage=Usage(210, 48),
)

QUIET = (Turn("all is well", "What is the weather in Lisbon?", (_WEATHER, _DONE)),)

SCENES: tuple[tuple[Turn, ...], ...] = (
    QUIET,
    (Turn("all is well, three tools at once", "Plan it all.", (_EVERYTHING, _DONE)),),
    (Turn("model: rate limit", "Summarise my trip.", (rate_limit(2.0), _DONE)),),
    (Turn("model: rate limit twice", "And in French?", (rate_limit(1.0), rate_limit(4.0), _DONE)),),
    (Turn("model: timeouts", "Plan three days in Porto.", (timeout(), timeout(), _DONE)),),
    (Turn("model: overloaded, then a reset", "Will it rain?", (_BUSY, _WEATHER, connection_reset(), _DONE)),),
    (
        Turn(
            "tool: connection lost",
            "Fly me to Lisbon.",
            (_FLIGHTS, _DONE),
            tools={"flights": (connection_reset(),)},
        ),
    ),
    (Turn("tool: slow", "And back?", (_FLIGHTS, _DONE), tools={"flights": (timeout(),)}),),
    (
        Turn(
            "tool: a bug, answered by a value",
            "100 euros in francs?",
            (_CURRENCY, _DONE),
            tools={"currency": (malformed_reply(),)},
        ),
    ),
    (
        Turn(
            "tool: wrong arguments, corrected",
            "Is it warm there?",
            (call_tools(("weather", {"city": "Porto", "days": "many"})), _WEATHER, _DONE),
        ),
    ),
    (
        Turn(
            "tool: invented by the model",
            "Call me a taxi.",
            (call_tools(("taxi", {"to": "airport"})), _DONE),
        ),
    ),
    (
        Turn(
            "tool: key expired",
            "Am I free on Monday?",
            (_CALENDAR, _DONE),
            tools={"calendar": (unauthorized(),)},
        ),
    ),
    (
        Turn("model: down, another one answers", "Find a museum.", (_DOWN, _DOWN, _DOWN), (_DONE,)),
        *QUIET,
    ),
    (
        Turn("model: malformed reply", "Find a café.", (malformed_reply(),), (_DONE,)),
        *QUIET,
    ),
    (
        Turn("model: request refused", "Read this book.", (bad_request(),), (bad_request(),)),
        *QUIET,
    ),
    (
        Turn("memory: connection lost", "As I said before.", (_DONE,), memory=(connection_reset(),)),
        Turn("memory: down", "Do you remember?", (_DONE,), memory=(_DOWN, _DOWN, _DOWN)),
    ),
    (
        # Three attempts fail, then two more open the breaker, and the next call is refused.
        Turn("breaker: failures", "Which tram?", (_DOWN, _DOWN, _DOWN), (_DONE,)),
        Turn("breaker: opens", "Which bus?", (_DOWN, _BUSY), (_DONE,)),
        Turn("breaker: open", "Which train?", (), (_DONE,)),
        Turn("breaker: half-open", "Which ferry?", (_DONE,), wait_s=OPEN_S),
        Turn("breaker: closes", "Which boat?", (_DONE,)),
    ),
    (Turn("agent: never done", "Keep looking.", (_WEATHER,) * 4),),
)
"""What may happen in any order; each scene ends with a model that works, so that none spoils another."""

TAIL: tuple[Turn, ...] = (
    Turn("flights: failing", "Fly me home.", (_FLIGHTS, _DONE), tools={"flights": (_DOWN,) * 3}),
    Turn("flights: breaker opens", "Please.", (_FLIGHTS, _DONE), tools={"flights": (_DOWN,) * 2}),
    Turn("flights: half-open", "And now?", (_FLIGHTS, _DONE), wait_s=OPEN_S),
    Turn("hotels: failing", "Find me a bed.", (_HOTELS, _DONE), tools={"hotels": (_DOWN,) * 3}),
    Turn("hotels: breaker opens", "Any bed.", (_HOTELS, _DONE), tools={"hotels": (_DOWN,) * 2}),
    Turn("memory: degraded", "Remember that.", (_DONE,), memory=(None, *(_BUSY,) * 3)),
)
"""How the story ends: with something healthy, degraded and unhealthy, and a breaker in every state."""


def turns(total: int, random: Random) -> Iterator[Turn]:
    """Yields the story: scenes in random order, again and again, and the tail.

    Args:
        total: How many turns; at least all scenes and the tail are played.
        random: Chooses the order.
    """
    left = total - len(TAIL)
    is_first = True
    while left > 0 or is_first:
        for scene in random.sample(SCENES, len(SCENES)):
            chosen = scene if is_first or len(scene) <= left else QUIET
            if not is_first and left <= 0:
                break
            yield from chosen
            left -= len(chosen)
        is_first = False
    yield from TAIL


def least_turns() -> int:
    """Returns how many turns the shortest story has."""
    return sum(len(scene) for scene in SCENES) + len(TAIL)
