# SPDX-License-Identifier: Apache-2.0
"""How many rows when: steps of time that widen as the trail grows longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Timeline"]

_MOST_STEPS = 96
_SECOND_NS = 1_000_000_000
# What a reader can name: a minute, five of them, a quarter of an hour, ..., then days, doubled.
_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)


class Timeline:
    """Counts of each kind in at most 96 steps.

    Args:
        kinds: The kinds.

    Attributes:
        first_ns: The earliest moment; None without any.
        last_ns: The latest one.
        width_s: Length of a step in seconds.
    """

    def __init__(self, kinds: Sequence[str]) -> None:
        self._kinds = tuple(kinds)
        self._steps: dict[int, dict[str, int]] = {}
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.width_s = _WIDTHS_S[0]

    def add(self, moment_ns: int, kind: str) -> None:
        """Counts something."""
        self.first_ns = moment_ns if self.first_ns is None else min(self.first_ns, moment_ns)
        self.last_ns = moment_ns if self.last_ns is None else max(self.last_ns, moment_ns)
        while self._step(self.last_ns) - self._step(self.first_ns) >= _MOST_STEPS:
            self._widen()
        self._counts(self._step(moment_ns))[kind] += 1

    def steps(self) -> list[tuple[int, dict[str, int]]]:
        """Returns all steps with their beginning (Unix seconds), those without anything too."""
        if self.first_ns is None or self.last_ns is None:
            return []
        empty = dict.fromkeys(self._kinds, 0)
        return [
            (step * self.width_s, self._steps.get(step, empty))
            for step in range(self._step(self.first_ns), self._step(self.last_ns) + 1)
        ]

    def _step(self, moment_ns: int) -> int:
        return moment_ns // (_SECOND_NS * self.width_s)

    def _counts(self, step: int) -> dict[str, int]:
        return self._steps.setdefault(step, dict.fromkeys(self._kinds, 0))

    def _widen(self) -> None:
        before, narrow = self._steps, self.width_s
        # Each step must lie in one of the wider ones.
        wider = (width for width in _WIDTHS_S if width > narrow and width % narrow == 0)
        self.width_s, self._steps = next(wider, narrow * 2), {}
        for step, counts in before.items():
            target = self._counts(step * narrow // self.width_s)
            for kind, count in counts.items():
                target[kind] += count
