# SPDX-License-Identifier: Apache-2.0
"""Metric readers that are asked by others (a scrape, a test): what they hand out is cleaned too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricReader, MetricsData

__all__ = ["let_clean"]


def let_clean(reader: MetricReader, clean: Callable[[MetricsData], MetricsData]) -> None:
    """Lets every collection of a reader be cleaned before the reader has it.

    Args:
        reader: Any reader; ours, or one that another distribution registered.
        clean: Cleans a collection.
    """
    receive = reader._receive_metrics  # noqa: SLF001 - the one way into a reader, documented as what subclasses write

    def receive_cleaned(metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        receive(clean(metrics_data), timeout_millis=timeout_millis, **kwargs)

    reader._receive_metrics = receive_cleaned  # type: ignore[method-assign]  # noqa: SLF001 - see above
