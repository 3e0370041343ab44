# SPDX-License-Identifier: Apache-2.0
"""Spans, log records and metrics as OTLP requests, by the SDK's encoders."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Final, TypeVar

from telemetry.exporters.packing import MAX_REQUEST_BYTES, Encoded, Packer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.exporters.metric_points import Point
    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["Encoded", "encode_logs", "encode_metrics", "encode_spans", "give_way"]

# How many are encoded in about half a millisecond: that is how long the application may wait.
_SPANS: Final = 16
_LOGS: Final = 32
_POINTS: Final = 50
_PAUSE_S: Final = 0.001

_T = TypeVar("_T")


def give_way() -> None:
    """Lets the application's threads run: only who waits gives the interpreter lock away at once."""
    sleep(_PAUSE_S)


def encode_spans(
    batch: Sequence[ReadableSpan],
    pause: Callable[[], None] = give_way,
    *,
    max_bytes: int = MAX_REQUEST_BYTES,
) -> Encoded:
    """Encodes spans; never raises for what they hold.

    Args:
        batch: Finished spans.
        pause: Called between two pieces, so that the application is not kept waiting.
        max_bytes: The longest request.
    """
    from telemetry.exporters.repair import RepairedSpans

    records = RepairedSpans()
    packer = Packer("traces", _serialized_spans, records.repair, pause, max_bytes)
    return packer.pack(_pieces(batch, _SPANS, records.sound))


def encode_logs(
    batch: Sequence[ReadableLogRecord],
    pause: Callable[[], None] = give_way,
    *,
    max_bytes: int = MAX_REQUEST_BYTES,
) -> Encoded:
    """Encodes log records; never raises for what they hold.

    Args:
        batch: The records.
        pause: Called between two pieces, so that the application is not kept waiting.
        max_bytes: The longest request.
    """
    from telemetry.exporters.repair import RepairedLogs

    records = RepairedLogs()
    packer = Packer("logs", _serialized_logs, records.repair, pause, max_bytes)
    return packer.pack(_pieces(batch, _LOGS, records.sound))


def encode_metrics(
    data: MetricsData,
    pause: Callable[[], None] = give_way,
    *,
    max_bytes: int = MAX_REQUEST_BYTES,
) -> Encoded:
    """Encodes one collection; its records are data points. Never raises for what they hold.

    Args:
        data: What the reader collected.
        pause: Called between two pieces, so that the application is not kept waiting.
        max_bytes: The longest request.
    """
    from telemetry.exporters.metric_points import RepairedPoints, points_of

    records = RepairedPoints()
    packer = Packer("metrics", _serialized_points, records.repair, pause, max_bytes)
    return packer.pack(_pieces(list(points_of(data)), _POINTS, records.sound))


def _pieces(batch: Sequence[_T], size: int, sound: Callable[[_T], _T]) -> Iterator[list[_T]]:
    for start in range(0, len(batch), size):
        yield [_looked_at(record, sound) for record in batch[start : start + size]]


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
