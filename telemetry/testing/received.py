# SPDX-License-Identifier: Apache-2.0
"""What a receiver got, in plain values: requests, spans, log records and points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from telemetry.config.exporters import Signal

__all__ = ["ReceivedLog", "ReceivedPoint", "ReceivedRequest", "ReceivedSpan"]

Attributes = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request that arrived whole.

    Attributes:
        signal: Whose records.
        protocol: `grpc` or `http`.
        headers: Header names in lower case and their values.
        size: Bytes of the message, uncompressed.
        sha256: Hash of the message: equal for byte-identical repetitions.
        records: Spans, log records or data points in it.
        is_stored: Whether the records were kept.
        answer: What became of it: `accepted`, `failed`, `hung`, `reset` or `garbled`.
        received_s: When it had arrived (`time.monotonic()` of the receiver's process).
    """

    signal: Signal
    protocol: Literal["grpc", "http"]
    headers: Mapping[str, str]
    size: int
    sha256: str
    records: int
    is_stored: bool
    answer: str
    received_s: float


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """One span.

    Attributes:
        name: Its name.
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_id: 16 hex digits, or nothing for a root.
        start_ns: Unix nanoseconds.
        end_ns: Unix nanoseconds.
        is_error: Whether its status is ERROR.
        attributes: Its attributes.
        resource: Attributes of its resource.
        scope: Name of the instrumentation scope.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    is_error: bool
    attributes: Attributes
    resource: Attributes
    scope: str


@dataclass(frozen=True, slots=True)
class ReceivedLog:
    """One log record.

    Attributes:
        body: Its body in plain values.
        severity: Text of its severity.
        event_name: Its event name.
        time_ns: Unix nanoseconds.
        trace_id: 32 hex digits, or nothing.
        span_id: 16 hex digits, or nothing.
        attributes: Its attributes.
        resource: Attributes of its resource.
        scope: Name of the instrumentation scope.
    """

    body: object
    severity: str
    event_name: str
    time_ns: int
    trace_id: str
    span_id: str
    attributes: Attributes
    resource: Attributes
    scope: str


@dataclass(frozen=True, slots=True)
class ReceivedPoint:
    """One data point.

    Attributes:
        name: Name of the metric.
        value: The value; of a histogram, the sum of what was recorded.
        count: How many values a histogram recorded; 1 for other kinds.
        is_sum: Whether it is a sum, and not a gauge or histogram.
        is_delta: Whether it counts from the point before, and not from the start.
        is_monotonic: Whether it is a sum that never falls.
        start_ns: Start of the series, Unix nanoseconds.
        time_ns: Unix nanoseconds.
        attributes: Attributes of the series.
        resource: Attributes of the resource; `service.instance.id` tells processes apart.
        scope: Name of the instrumentation scope.
    """

    name: str
    value: float
    count: int
    is_sum: bool
    is_delta: bool
    is_monotonic: bool
    start_ns: int
    time_ns: int
    attributes: Attributes
    resource: Attributes
    scope: str
