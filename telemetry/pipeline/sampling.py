# SPDX-License-Identifier: Apache-2.0
"""Which traces are sampled, and which spans are recorded although theirs is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import ALWAYS_ON, AlwaysRecordSampler, ParentBased, TraceIdRatioBased

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler

__all__ = ["sampler_of"]


def sampler_of(ratio: float, *, keep_errors: bool) -> Sampler:
    """Returns the sampler: the parent decides, and at a root the ratio of the trace id.

    Args:
        ratio: Share of traces that is sampled, 0 to 1.
        keep_errors: Record every span, so that one which ends in error can be exported although its
            trace was not sampled. Its siblings are not exported. With ratio 1 a remote parent may
            still say "not sampled", so it matters there too.
    """
    sampler = ParentBased(ALWAYS_ON if ratio >= 1 else TraceIdRatioBased(ratio))
    return AlwaysRecordSampler(sampler) if keep_errors else sampler
