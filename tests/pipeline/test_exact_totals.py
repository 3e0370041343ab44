# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost between threads and a real collector."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest
from support.rotel import Rotel

import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS, INCREMENTS = 8, 1_000_000
TOTAL = THREADS * INCREMENTS


def _hammer(inc: Callable[[], int], all_ready: Barrier) -> None:
    all_ready.wait()
    for _ in range(INCREMENTS):
        inc()


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_eight_million_increments_from_eight_threads_arrive_as_eight_million(
    temporality: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
    with Rotel() as rotel:
        pipeline = telemetry.init("exact", exporter="otlp", otlp_endpoint=f"127.0.0.1:{rotel.grpc_port}")
        cell = telemetry.counter("exact.count").bind({"thread": "all"})
        all_ready = Barrier(THREADS + 1)
        threads = [Thread(target=_hammer, args=(cell.inc, all_ready)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        all_ready.wait()
        for _ in range(3):  # collections in the middle of it must neither lose nor repeat
            pipeline.force_flush(5)
        for thread in threads:
            thread.join()
        result = pipeline.shutdown(10)
        assert result.metrics.dropped == 0

        received = rotel.wait_for(lambda got: got.total("exact.count") >= TOTAL)
        assert received.total("exact.count") == TOTAL
        assert {point.is_delta for point in received.points if point.metric == "exact.count"} == {
            temporality == "delta"
        }
