# SPDX-License-Identifier: Apache-2.0
"""The two ways out of the pipeline: straight through an exporter, or encoded into a sender's custody."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Generic, TypeVar

from telemetry.logs.otel_api import suppressed
from telemetry.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.exporters.encoding import Encoded
    from telemetry.pipeline.delivery.in_flight import InFlight
    from telemetry.pipeline.delivery.outcomes import Ledger
    from telemetry.pipeline.delivery.sender import Sender

__all__ = ["DirectExport", "QueuedExport"]

BatchT = TypeVar("BatchT")
REPORTED = "the exporter reported a failure"


class DirectExport(Generic[BatchT]):
    """Gives a batch to an exporter and books at once how that ended.

    Args:
        export: Exports; returns whether it succeeded.
        ledger: The books.
        on_export: Told (seconds, whether it succeeded) of every export.
        problem: Tells what an export failed with that did not raise.
    """

    def __init__(
        self,
        export: Callable[[BatchT], bool],
        ledger: Ledger,
        on_export: Callable[[float, bool], None],
        problem: Callable[[], str | None] | None = None,
    ) -> None:
        self._export = export
        self._ledger = ledger
        self._on_export = on_export
        self._problem = problem

    def __call__(self, batch: BatchT, records: int) -> None:
        """Exports a batch of that many records; never raises."""
        started = perf_counter()
        problem: str | None = None
        try:
            with suppressed():
                if not self._export(batch):
                    problem = (self._problem and self._problem()) or REPORTED
        except Exception as error:  # noqa: BLE001 - an exporter's bug costs its batch, not the thread
            problem = redact(f"{type(error).__name__}: {error}")  # it may repeat a URL or a header
        self._on_export(perf_counter() - started, problem is None)
        if problem is None:
            self._ledger.deliver(records)
        else:
            self._ledger.drop("export_failed", records, problem)


class QueuedExport(Generic[BatchT]):
    """Encodes a batch and leaves it to a sender, which books how it ends.

    Args:
        encode: Makes requests of a batch.
        sender: Takes them.
        ledger: Books what cannot be encoded.
        in_flight: Tells whether the batch was given up while it was encoded.
    """

    def __init__(
        self, encode: Callable[[BatchT], Encoded], sender: Sender, ledger: Ledger, in_flight: InFlight
    ) -> None:
        self._encode = encode
        self._sender = sender
        self._ledger = ledger
        self._in_flight = in_flight

    def __call__(self, batch: BatchT, records: int) -> None:
        """Encodes and hands over a batch of that many records; never raises."""
        try:
            with suppressed():
                encoded = self._encode(batch)
        except Exception as error:  # noqa: BLE001 - a bug in an encoder costs its batch, not the thread
            if self._in_flight.claim():
                self._ledger.drop("unencodable", records, f"{type(error).__name__}: {error}")
            return
        if not self._in_flight.claim():
            return
        self._ledger.drop("unencodable", encoded.unencodable)
        for request in encoded.oversized:
            self._sender.reject(request, "too_large", f"a single record of {len(request.body)} bytes")
        for request in encoded.requests:
            self._sender.put(request)
