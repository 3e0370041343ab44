# SPDX-License-Identifier: Apache-2.0
"""Failures of recording itself: contained, counted, logged once per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.metrics.tally import Tally
from telemetry.text import type_name

if TYPE_CHECKING:
    from telemetry.config.exporters import Signal

__all__ = ["Trouble"]

_MOST_KINDS = 256
"""Kinds that are logged; whatever an application makes of names and types, its log stays readable."""


class Trouble:
    """What went wrong inside record calls. They never raise into the agent; this is where it goes instead."""

    def __init__(self) -> None:
        self._tallies: dict[Signal, Tally] = {"metrics": Tally(), "traces": Tally(), "logs": Tally()}
        self._reported: set[tuple[str, str]] = set()

    def report(self, call: str, problem: BaseException, signal: Signal = "metrics") -> None:
        """Notes that a call could not record, wholly or in part. Never raises.

        Args:
            call: The call, as its user knows it.
            problem: Why it could not.
            signal: What was not recorded.
        """
        self._tallies[signal].add_one()
        kind = (call, type_name(problem))
        if kind in self._reported or len(self._reported) >= _MOST_KINDS:
            return
        self._reported.add(kind)
        import logging
        from contextlib import suppress

        with suppress(Exception):  # a handler of the application's raises: there is nobody left to tell
            logging.getLogger("telemetry").error(
                "%s could not record: %s (reported once; each one is counted in kairos.telemetry.dropped).",
                call,
                kind[1],
                exc_info=problem,
            )

    @property
    def total(self) -> int:
        """How many calls could not record."""
        return sum(self.totals().values())

    def totals(self) -> dict[Signal, int]:
        """How many calls could not record, by signal."""
        return {signal: tally.read() for signal, tally in self._tallies.items()}
