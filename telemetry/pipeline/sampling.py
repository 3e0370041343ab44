# SPDX-License-Identifier: Apache-2.0
"""Which traces are sampled, and which spans are recorded although theirs is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanContext, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

__all__ = ["ParentOrRatio"]

_LOW_64_BITS = (1 << 64) - 1
# A member of an enum costs a look-up through its metaclass each time.
_DROP, _SAMPLE = Decision.DROP, Decision.RECORD_AND_SAMPLE


class ParentOrRatio(Sampler):
    """The parent decides, and at a root the ratio of the trace id.

    The same decisions as the SDK's `AlwaysRecordSampler(ParentBased(TraceIdRatioBased(ratio)))`,
    which a test holds it against, at a third of the cost: it stands in the way of every span.

    Args:
        ratio: Share of traces that is sampled, 0 to 1.
        keep_errors: Record every span, so that one which ends in error can be exported although its
            trace was not sampled. Its siblings are not exported. With ratio 1 a remote parent may
            still say "not sampled", so it matters there too.
    """

    def __init__(self, ratio: float, *, keep_errors: bool) -> None:
        self._ratio = ratio
        self._bound = TraceIdRatioBased.get_bound_for_rate(ratio)
        self._otherwise = Decision.RECORD_ONLY if keep_errors else Decision.DROP

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,  # noqa: ARG002 - the SDK's signature
        kind: SpanKind | None = None,  # noqa: ARG002 - the SDK's signature
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002 - the SDK's signature
        trace_state: TraceState | None = None,  # noqa: ARG002 - the SDK's signature
    ) -> SamplingResult:
        """Decides about one span."""
        parent = get_current_span(parent_context).get_span_context()
        above = parent if parent.is_valid else None
        decision = self.decide(above, trace_id)
        if decision is _DROP:
            attributes = None
        return SamplingResult(decision, attributes, None if above is None else above.trace_state)

    def decide(self, above: SpanContext | None, trace_id: int) -> Decision:
        """Decides about a span whose parent was looked up already; None: it is a root."""
        if above is None:
            is_sampled: object = trace_id & _LOW_64_BITS < self._bound
        else:
            is_sampled = above.trace_flags & 1
        return _SAMPLE if is_sampled else self._otherwise

    def get_description(self) -> str:
        """Returns what the sampler does, for people."""
        return f"ParentOrRatio{{{self._ratio}, otherwise {self._otherwise.name}}}"
