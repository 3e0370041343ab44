# SPDX-License-Identifier: Apache-2.0
"""Starting a pipeline: replacing an earlier one, and starting anew in a forked child."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

from telemetry.pipeline.exits import Exits
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
_LOADED_ON_FIRST_USE = (
    "telemetry.classification.by_name",
    "telemetry.classification.rules",
    f"{_GENAI}.derivation",
    "telemetry.metrics.states",
    "telemetry.pipeline.own_instruments",
    "telemetry.pipeline.recording",
    "telemetry.pipeline.spans",
    "telemetry.tracing.genai",
)


def start(handle: Handle, config: Settings) -> Telemetry:
    """Builds a pipeline and makes it the active one; an earlier one is flushed and shut down.

    The earlier one goes first: it may hold the port that the new one is to listen on.

    Raises:
        TelemetryError: An exporter could not be set up; nothing is active then.
    """
    earlier = handle.telemetry
    if earlier is not None:
        warnings.warn(
            f"telemetry was already set up for {earlier.config.service_name!r}: that pipeline is flushed and "
            f"shut down, and {config.service_name!r} replaces it. Call init once per process.",
            RuntimeWarning,
            stacklevel=4,
        )
        earlier.shutdown()
    telemetry = Telemetry(handle, config, _span_reader(handle) if config.genai else None)
    telemetry.publish()
    handle.activate(telemetry)
    _watch_process(handle).watch(telemetry)
    return telemetry


def _watch_process(handle: Handle) -> Exits:
    if handle.exits is None:
        handle.exits = Exits()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=_finish_imports, after_in_child=lambda: _start_in_child(handle))
    return handle.exits


def _span_reader(handle: Handle) -> ReaderFactory:
    def make(recorder: Recorder) -> SpanReader:
        reader: SpanReader = import_module(_GENAI).SpanReader(
            recorder, handle.classifier, handle.global_providers.meter_provider.histograms
        )
        return reader

    return lambda recorder: LateReader(lambda: make(recorder))


def _finish_imports() -> None:
    """Imports what record calls load on first use, before a fork.

    A child inherits the lock of a module that another thread is importing at that moment, and with
    it a wait without end for its own first use of the module. Importing it here waits for that thread.
    """
    for name in _LOADED_ON_FIRST_USE:
        import_module(name)


def _start_in_child(handle: Handle) -> None:
    exits = _watch_process(handle)
    exits.forget()
    handle.instruments.reset_locks()
    telemetry = handle.telemetry
    if telemetry is None:
        return
    try:
        telemetry.restart_in_child()
        handle.activate(telemetry)
        exits.watch(telemetry, is_child=True)
    except Exception:  # an exception here would only be printed, without its meaning
        handle.set_aside()
        import logging

        logging.getLogger("telemetry").exception(
            "telemetry is off in the forked process %d: its pipeline could not be built", os.getpid()
        )
