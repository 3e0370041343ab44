# SPDX-License-Identifier: Apache-2.0
"""Starting a pipeline, in the place of an earlier one."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

from telemetry.pipeline.process import threads
from telemetry.pipeline.process.exits import Exits
from telemetry.pipeline.process.forks import Forks
from telemetry.pipeline.process.preloading import preload
from telemetry.pipeline.span_reader import LateReader
from telemetry.pipeline.telemetry import Telemetry

if TYPE_CHECKING:
    from telemetry.config import Settings
    from telemetry.pipeline.handle import Handle
    from telemetry.pipeline.recorder import Recorder
    from telemetry.pipeline.span_reader import ReaderFactory, SpanReader

__all__ = ["start"]

_GENAI = "telemetry.genai"
"""By name: it stands on this package, which may not know it."""


def start(handle: Handle, config: Settings) -> Telemetry:
    """Builds a pipeline and makes it the active one; an earlier one is flushed and shut down.

    The earlier one goes first: it may hold the port that the new one is to listen on.

    Raises:
        TelemetryError: An exporter could not be set up; nothing is active then.
    """
    with handle.starting:  # two threads that both set up would leave two pipelines running
        return _replace(handle, config)


def _replace(handle: Handle, config: Settings) -> Telemetry:
    earlier = handle.telemetry
    if earlier is not None:
        warnings.warn(
            f"telemetry was already set up for {earlier.config.service_name!r}: that pipeline is flushed and "
            f"shut down, and {config.service_name!r} replaces it. Call init once per process.",
            RuntimeWarning,
            stacklevel=5,
        )
        earlier.shutdown()
    if threads.are_greenlets():
        # Later, it would be threads that load them, side by side; but gevent's locks, which importing takes
        # then, are none between threads.
        preload(config.all_exporters, is_http_wanted=True)
    telemetry = Telemetry(handle, config, _span_reader(handle) if config.genai else None)
    telemetry.publish()
    handle.activate(telemetry)
    exits = _watch_process(handle)
    if telemetry.exporters:  # with `inherit` there is nothing of ours to be delivered
        exits.watch(telemetry)
    return telemetry


def _watch_process(handle: Handle) -> Exits:
    if handle.exits is None:
        handle.exits = Exits()
        Forks(handle, handle.exits).watch()
    return handle.exits


def _span_reader(handle: Handle) -> ReaderFactory:
    def make(recorder: Recorder) -> SpanReader:
        reader: SpanReader = import_module(_GENAI).SpanReader(
            recorder, handle.classifier, handle.global_providers.meter_provider.histograms
        )
        return reader

    return lambda recorder: LateReader(lambda: make(recorder))
