# SPDX-License-Identifier: Apache-2.0
"""Durations and tokens of GenAI operations, under the names of the chosen profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry import conventions as names
from telemetry.metrics.histograms import Histogram
from telemetry.metrics.instruments import Counter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.metrics.histograms import HistogramCell
    from telemetry.metrics.limits import Limits
    from telemetry.metrics.publication import Publication

__all__ = ["GenAIMetrics"]

_MOST_CELLS = 4096


class GenAIMetrics:
    """The GenAI instruments.

    Args:
        profile: Release of the GenAI conventions: a column of the tables in `telemetry.conventions`.
        limits: How many series there may be.
    """

    def __init__(self, profile: str, limits: Limits) -> None:
        self._cells: dict[object, HistogramCell] = {}

        def seconds(name: str, what: str, buckets: tuple[float, ...] = names.BUCKETS_DURATION) -> Histogram:
            return Histogram(name, names.UNIT_SECONDS, what, limits, buckets)

        self._durations = {
            names.OPERATION_CHAT: seconds(names.CHAT_DURATION[profile], "Duration of a call of a model."),
            names.OPERATION_EXECUTE_TOOL: seconds(
                names.EXECUTE_TOOL_DURATION, "Duration of a call of a tool."
            ),
            names.OPERATION_INVOKE_AGENT: seconds(
                names.INVOKE_AGENT_DURATION, "Duration of a run of an agent.", names.BUCKETS_AGENT_DURATION
            ),
        }
        self._first_chunk = seconds(
            names.TIME_TO_FIRST_CHUNK[profile], "Time to the first chunk of a streamed answer."
        )
        input_name, output_name, self._has_token_type = names.TOKEN_USAGE[profile]
        self._tokens = {
            name: Histogram(name, names.UNIT_TOKENS, "Tokens used.", limits, names.BUCKETS_TOKENS)
            for name in dict.fromkeys((input_name, output_name))
        }
        self._token_names = {names.TOKEN_TYPE_INPUT: input_name, names.TOKEN_TYPE_OUTPUT: output_name}
        counters = names.TOKEN_COUNTERS[profile]
        self._token_counters = (
            {
                kind: Counter(name, names.UNIT_TOKENS, "Tokens used.", limits)
                for kind, name in zip(
                    (names.TOKEN_TYPE_INPUT, names.TOKEN_TYPE_OUTPUT), counters, strict=True
                )
            }
            if counters is not None
            else {}
        )

    def publish(self, publication: Publication) -> None:
        """Makes the instruments visible to whoever collects the publication's meter."""
        for histogram in (*self._durations.values(), self._first_chunk, *self._tokens.values()):
            histogram.publish(publication)
        for counter in self._token_counters.values():
            counter.publish(publication)

    def duration(self, operation: str, seconds: float, labels: Mapping[str, object]) -> None:
        """Records how long an operation took."""
        self._cell(self._durations[operation], labels).record(seconds)

    def first_chunk(self, seconds: float, labels: Mapping[str, object]) -> None:
        """Records how long a streamed answer let itself be waited for."""
        self._cell(self._first_chunk, labels).record(seconds)

    def tokens(self, kind: str, count: int, labels: Mapping[str, object]) -> None:
        """Records tokens as the provider reported them; `kind` is `input` or `output`."""
        counter = self._token_counters.get(kind)
        if counter is not None:
            counter.bind(labels).add(count)
        if self._has_token_type:
            labels = {**labels, names.TOKEN_TYPE: kind}
        self._cell(self._tokens[self._token_names[kind]], labels).record(count)

    def _cell(self, histogram: Histogram, labels: Mapping[str, object]) -> HistogramCell:
        """Returns a series without cleaning and sorting its attributes again: they recur with every call."""
        try:
            key = (histogram.name, *labels.items())
            cell = self._cells.get(key)
        except Exception:  # noqa: BLE001 - an attribute that cannot be a key, or raises when it is looked at
            return histogram.bind(labels)
        if cell is None:
            if len(self._cells) >= _MOST_CELLS:
                self._cells.clear()
            cell = self._cells[key] = histogram.bind(labels)
        return cell
