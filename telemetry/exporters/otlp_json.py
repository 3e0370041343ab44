# SPDX-License-Identifier: Apache-2.0
"""Telemetry as OTLP/JSON, one line per batch.

Source: OpenTelemetry protocol specification, "JSON Protobuf Encoding": protobuf's JSON mapping in
lowerCamelCase with 64-bit integers as strings, but enums as numbers and trace and span ids in hex
instead of base64.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message
    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.exporters.sdk_logs import ReadableLogRecord

__all__ = ["encode_message", "logs_line", "metrics_line", "spans_line"]

# Users' own keys are values of fields ("key", "stringValue"), so only ids can have these names.
_ID_FIELDS = frozenset({"traceId", "spanId", "parentSpanId"})


def metrics_line(data: MetricsData) -> bytes:
    """One collection as a line of OTLP/JSON MetricsData, with its newline.

    Raises:
        Exception: It holds something that OTLP cannot express.
    """
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    return encode_message(encode_metrics(data))


def spans_line(spans: Sequence[ReadableSpan]) -> bytes:
    """One batch of spans as a line of OTLP/JSON TracesData, with its newline.

    Raises:
        Exception: It holds something that OTLP cannot express.
    """
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    return encode_message(encode_spans(spans))


def logs_line(batch: Sequence[ReadableLogRecord]) -> bytes:
    """One batch of log records as a line of OTLP/JSON LogsData, with its newline.

    Raises:
        Exception: It holds something that OTLP cannot express.
    """
    from telemetry.exporters.sdk_logs import encode_logs

    return encode_message(encode_logs(batch))


def encode_message(message: Message) -> bytes:
    """Any OTLP message as a line of OTLP/JSON, with its newline; ASCII only."""
    from google.protobuf.json_format import MessageToDict

    tree = MessageToDict(message, use_integers_for_enums=True)
    _ids_to_hex(tree)
    return json.dumps(tree, separators=(",", ":")).encode("ascii") + b"\n"


def _ids_to_hex(node: Any) -> None:
    if isinstance(node, dict):
        for key, inner in node.items():
            if key in _ID_FIELDS:
                node[key] = base64.b64decode(inner).hex()
            else:
                _ids_to_hex(inner)
    elif isinstance(node, list):
        for inner in node:
            _ids_to_hex(inner)
