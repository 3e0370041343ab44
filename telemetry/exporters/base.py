# SPDX-License-Identifier: Apache-2.0
"""What building an exporter gives: at most one part for each signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricReader
    from opentelemetry.sdk.metrics.view import Aggregation
    from opentelemetry.sdk.trace.export import SpanExporter

    from telemetry.exporters.sdk_logs import LogRecordExporter
    from telemetry.exporters.transport import Transport

__all__ = ["Exporters", "Otlp"]


class Otlp(NamedTuple):
    """An exporter that sends encoded OTLP requests: the pipeline encodes, queues and repeats them.

    Attributes:
        connect: Makes a transport, which sends requests of any signal, one attempt each; imports nothing.
            Each thread that sends has its own, and a fork may need another one.
        temporality: Of each kind of instrument.
        aggregation: Of the kinds of instruments whose default differs.
        is_fragile: Whether a fork in the middle of an attempt harms the child.
    """

    connect: Callable[[], Transport]
    temporality: dict[type, AggregationTemporality]
    aggregation: dict[type, Aggregation]
    is_fragile: bool = False


class Exporters(NamedTuple):
    """The parts of one exporter, per signal; None where it does not carry that signal.

    Attributes:
        metrics: Either an exporter, which the pipeline feeds at an interval, or a reader that
            decides itself when it collects (a scrape, a test).
        spans: Receives finished spans in batches.
        logs: Receives log records in batches.
        otlp: Sends all three signals as OTLP requests; such an exporter has no other parts.
        problem: Tells what the latest failed export failed with: an exporter may not raise, and its
            result only says that it failed.
    """

    metrics: MetricExporter | MetricReader | None = None
    spans: SpanExporter | None = None
    logs: LogRecordExporter | None = None
    otlp: Otlp | None = None
    problem: Callable[[], str | None] | None = None
