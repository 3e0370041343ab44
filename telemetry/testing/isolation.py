# SPDX-License-Identifier: Apache-2.0
"""Isolation: a pipeline in memory for a while, and afterwards everything as it was."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from telemetry.config.load import read_settings
from telemetry.logs import attach_export, logging_set_aside
from telemetry.pipeline.handle import HANDLE
from telemetry.pipeline.start import start
from telemetry.testing.ids import SequentialIds
from telemetry.testing.probe import TelemetryProbe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import Tracer, TracerProvider

    from telemetry.pipeline.telemetry import Telemetry

__all__ = ["isolated"]


@contextmanager
def isolated(**settings: Any) -> Iterator[TelemetryProbe]:
    """Make a pipeline in memory the active one inside the block, and give the probe that reads it.

    A pipeline that was active is set aside, not ended, and goes on afterwards; so do the providers
    that libraries reach through OpenTelemetry's globals, and what `configure_logging` had set up. Log
    records that reach the root logger are exported. Environment and settings files are not read,
    trace and span ids count from 1. The probe can be read after the block, too. Blocks may be nested;
    otherwise there is one at a time per process.

    Args:
        **settings: Fields of `telemetry.Config`; `exporter` is `memory` or a comma list with it.

    Raises:
        ConfigError: A setting cannot be used.
        ValueError: `exporter` is given without `memory`.
    """
    config = read_settings({"exporter": "memory", **settings}, {}).for_service("tests", "")
    earlier = HANDLE.set_aside()
    try:
        with logging_set_aside(), start(HANDLE, config) as telemetry:
            probe = TelemetryProbe(telemetry)
            _count_ids_from_one(telemetry)
            attach_export(telemetry.log_target)
            try:
                yield probe
            finally:
                probe.settle()
    finally:
        # Code under test may have started a pipeline of its own and left it running.
        left_over = HANDLE.telemetry
        if left_over is not None:
            left_over.shutdown()
        if earlier is not None and not earlier.is_shut_down:
            earlier.publish()  # the user's own instruments report to it again
            HANDLE.activate(earlier)


def _count_ids_from_one(telemetry: Telemetry) -> None:
    ids = SequentialIds()
    # A pipeline with exporters of its own, as the probe demands, is made of the SDK's classes.
    provider = cast("TracerProvider", telemetry.providers.tracer_provider)
    provider.id_generator = ids  # type: ignore[assignment]  # the SDK takes any; its type is inferred too narrow
    # A tracer keeps the generator that its provider had when it was made; this one was made before.
    cast("Tracer", telemetry.recorder.tracer).id_generator = ids
