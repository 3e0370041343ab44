# SPDX-License-Identifier: Apache-2.0
"""What building an exporter gives: at most one part for each signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader
    from opentelemetry.sdk.trace.export import SpanExporter

    from telemetry.exporters.sdk_logs import LogRecordExporter

__all__ = ["Exporters"]


class Exporters(NamedTuple):
    """The parts of one exporter, per signal; None where it does not carry that signal.

    Attributes:
        metrics: Either an exporter, which the pipeline feeds at an interval, or a reader that
            decides itself when it collects (a scrape, a test).
        spans: Receives finished spans in batches.
        logs: Receives log records in batches.
    """

    metrics: MetricExporter | MetricReader | None = None
    spans: SpanExporter | None = None
    logs: LogRecordExporter | None = None
