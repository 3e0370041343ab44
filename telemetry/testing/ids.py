# SPDX-License-Identifier: Apache-2.0
"""Deterministic ids: the same test gives the same trace and span ids in every run."""

from __future__ import annotations

from itertools import count

from opentelemetry.sdk.trace.id_generator import IdGenerator

__all__ = ["SequentialIds"]


class SequentialIds(IdGenerator):
    """Trace ids 1, 2, 3, ... and span ids 1, 2, 3, ...; thread-safe.

    Ratio samplers decide by the trace id and take small ones always: a test of a ratio needs random ids.
    """

    def __init__(self) -> None:
        self._trace_ids = count(1)
        self._span_ids = count(1)

    def generate_trace_id(self) -> int:
        """Return the next trace id."""
        return next(self._trace_ids)

    def generate_span_id(self) -> int:
        """Return the next span id."""
        return next(self._span_ids)
