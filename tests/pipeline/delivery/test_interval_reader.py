# SPDX-License-Identifier: Apache-2.0
"""A reader that collects at an interval, on demand, and once more at its end."""

from __future__ import annotations

from time import monotonic

from opentelemetry.sdk.metrics import MeterProvider

from telemetry.metrics.courtesy import COURTESY
from telemetry.pipeline.delivery.interval_reader import IntervalReader


def test_only_the_last_collection_gives_way_to_nobody():
    waived: list[bool] = []
    reader = IntervalReader(
        lambda _data: waived.append(COURTESY._is_waived),
        lambda: None,
        "test",
        None,
        None,
        interval_s=60,
        timeout_s=5,
    )
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("test").create_counter("c").add(1)
    reader.start()
    assert reader.force_flush(5_000)
    reader.stop()
    assert reader.join(monotonic() + 5)
    provider.shutdown()

    assert waived == [False, True]
    assert not COURTESY._is_waived  # in this thread
