# SPDX-License-Identifier: Apache-2.0
"""Spans, log records and metrics as OTLP requests, by the SDK's encoders."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from telemetry.exporters.packing import MAX_REQUEST_BYTES, Encoded, Packer
from telemetry.metrics.courtesy import COURTESY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.exporters.metric_points import Point
    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["Encoded", "encode_logs", "encode_metrics", "encode_spans"]

# How many are encoded in about a fifth of a millisecond: that, and a turn, is how long the application waits.
_SPANS: Final = 6
_LOGS: Final = 8
_POINTS: Final = 12

_T = TypeVar("_T")


def encode_spans(
    batch: Sequence[ReadableSpan],
    pause: Callable[[], None] = COURTESY.look,
    *,
    max_bytes: int = MAX_REQUEST_BYTES,
) -> Encoded:
    """Encodes spans; never raises for what they hold.

    Args:
        batch: Finished spans.
        pause: Called before each piece, so that the application is not kept waiting.
        max_bytes: The longest request.
    """
    from telemetry.exporters.repair import RepairedSpans

    records = RepairedSpans()
    packer = Packer("traces", _serialized_spans, records.repair, pause, max_bytes)
    return packer.pack(_pieces(batch, _SPANS, records.sound))


def encode_logs(
    batch: Sequence[ReadableLogRecord],
    pause: Callable[[], None] = COURTESY.look,
    *,
    max_bytes: int = MAX_REQUEST_BYTES,
) -> Encoded:
    """Encodes log records; never raises for what they hold.

    Args:
        batch: The records.
        pause: Called before each piece, so that the application is not kept waiting.
        max_bytes: The longest request.
    """
    from telemetry.exporters.repair import RepairedLogs

    records = RepairedLogs()
    packer = Packer("logs", _serialized_logs, records.repair, pause, max_bytes)
    return packer.pack(_pieces(batch, _LOGS, records.sound))


def encode_metrics(
    data: MetricsData,
    pause: Callable[[], None] = COURTESY.look,
    *,
    max_bytes: int = MAX_REQUEST_BYTES,
) -> Encoded:
    """Encodes one collection; its records are data points. Never raises for what they hold.

    Args:
        data: What the reader collected.
        pause: Called before each piece, so that the application is not kept waiting.
        max_bytes: The longest request.
    """
    from telemetry.exporters.metric_points import RepairedPoints, points_of

    records = RepairedPoints()
    packer = Packer("metrics", _serialized_points, records.repair, pause, max_bytes)
    return packer.pack(_pieces(points_of(data), _POINTS, records.sound))


def _pieces(batch: Iterable[_T], size: int, sound: Callable[[_T], _T]) -> Iterator[list[_T]]:
    rest = iter(batch)
    while piece := list(islice(rest, size)):
        yield [_looked_at(record, sound) for record in piece]


def _looked_at(record: _T, sound: Callable[[_T], _T]) -> _T:
    try:
        return sound(record)
    except Exception:  # noqa: BLE001 - records of users' own making may raise anything; the encoder will tell
        return record


def _serialized_spans(spans: Sequence[ReadableSpan]) -> bytes:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as encode

    return encode(spans).SerializeToString()


def _serialized_logs(batch: Sequence[ReadableLogRecord]) -> bytes:
    from telemetry.exporters.sdk_logs import encode_logs as encode

    return encode(batch).SerializeToString()


def _serialized_points(points: Sequence[Point]) -> bytes:
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics as encode

    from telemetry.exporters.metric_points import metrics_data_of

    return encode(metrics_data_of(points)).SerializeToString()
