# SPDX-License-Identifier: Apache-2.0
"""What is imported before a fork, so that no thread is in the middle of importing it then.

Modules are loaded when they are first needed, often by a thread of ours. A child that is forked in
that moment inherits a module that stays half loaded for ever, and its lock, which nobody opens any more.
So a fork waits for what is being loaded, and loads what may be needed at any moment.

The parts that speak HTTP are not loaded: they import `ssl`, and where workers patch it with gevent after the
fork, that is better left to them. Nothing sends while the process forks (`fork_safe`), so no thread is
about to load them either.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["preload"]

_FOR_RECORDING: Final = (
    "telemetry.classification.by_name",
    "telemetry.classification.rules",
    "telemetry.genai.derivation",
    "telemetry.metrics.states",
    "telemetry.pipeline.own_instruments",
    "telemetry.pipeline.recording",
    "telemetry.pipeline.spans",
    "telemetry.tracing.genai",
)
_FOR_OTLP: Final = (
    "google.rpc.status_pb2",
    "opentelemetry.exporter.otlp.proto.common._log_encoder",
    "opentelemetry.exporter.otlp.proto.common.metrics_encoder",
    "opentelemetry.exporter.otlp.proto.common.trace_encoder",
    "opentelemetry.proto.collector.logs.v1.logs_service_pb2",
    "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2",
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2",
    "telemetry.classification.retry_info",
    "telemetry.exporters.metric_points",
    "telemetry.exporters.repair",
)
_FOR_EXPORTER: Final = {
    "otlp": (
        *_FOR_OTLP,
        "grpc",
        "grpc._channel",  # loaded with the first channel; looked for by name only
        "grpc.experimental",
        "telemetry.exporters.grpc_credentials",
        "telemetry.exporters.grpc_transport",
    ),
    "otlp-http": (*_FOR_OTLP, "telemetry.exporters.http_replies"),
}
_HTTP: Final = "telemetry.exporters.http_session"
_OURS: Final = ("google.", "grpc", "opentelemetry.", "requests", "telemetry.", "urllib3")
"""Beginnings of the names of what our threads load; others may take as long as they like."""
_LOOKS: Final = 100
"""A thread loads one thing after the other; but this one may itself be loading what it finds half loaded."""


def preload(exporters: Collection[str], *, is_http_wanted: bool = False) -> None:
    """Imports what recording and these exporters load on first use; waits for who is at it.

    Args:
        exporters: Names of the exporters in use.
        is_http_wanted: Whether to load the parts that speak HTTP, too.
    """
    names = [*_FOR_RECORDING, *(name for each in exporters for name in _FOR_EXPORTER.get(each, ()))]
    if is_http_wanted and "otlp-http" in exporters:
        names.append(_HTTP)
    for name in names:
        if name not in sys.modules:
            with suppress(ImportError):  # an extra that is not installed: then nobody will load it
                import_module(name)
    for _ in range(_LOOKS):
        half_loaded = [
            name
            for name, module in list(sys.modules.items())
            if name.startswith(_OURS) and getattr(getattr(module, "__spec__", None), "_initializing", False)
        ]
        if not half_loaded:
            return
        for name in half_loaded:
            with suppress(ImportError):  # the thread that was at it failed, and has been told
                import_module(name)
