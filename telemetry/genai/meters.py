# SPDX-License-Identifier: Apache-2.0
"""Which instrumentors measure durations and tokens by themselves: theirs must not be measured again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["DURATIONS", "TOKENS", "Meters"]

# Released names: instrumentors follow those, whichever profile we emit.
DURATIONS = "gen_ai.client.operation.duration"
TOKENS = "gen_ai.client.token.usage"


class Meters:
    """Looks up what libraries measure.

    Args:
        histograms: Names of the histograms that libraries created -> their instrumentation scopes.
    """

    def __init__(self, histograms: Mapping[str, Collection[str]]) -> None:
        self._histograms = histograms

    @property
    def any(self) -> bool:
        """Whether any library measures calls of models."""
        return DURATIONS in self._histograms or TOKENS in self._histograms

    def measured_by(self, scope: str) -> tuple[str, ...]:
        """Returns which of the two an instrumentor measures."""
        return tuple(
            metric
            for metric in (DURATIONS, TOKENS)
            if any(_is_one(scope, other) for other in self._histograms.get(metric, ()))
        )


def _is_one(scope: str, other: str) -> bool:
    # Instrumentors name tracer and meter after modules, one of which may lie in the other.
    return scope == other or scope.startswith(f"{other}.") or other.startswith(f"{scope}.")
