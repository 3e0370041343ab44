# SPDX-License-Identifier: Apache-2.0
"""A reader that collects at an interval, on demand, and once more at its end."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import MeterProvider

from telemetry.metrics.courtesy import COURTESY
from telemetry.pipeline.delivery.interval_reader import IntervalReader

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reading(deliver, abandoned: list[None]) -> Iterator[IntervalReader]:
    """A started reader of one counter."""
    reader = IntervalReader(
        deliver,
        lambda: None,
        lambda: abandoned.append(None),
        "test",
        None,
        None,
        interval_s=60,
        timeout_s=5,
    )
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("test").create_counter("c").add(1)
    reader.start()
    yield reader
    provider.shutdown()


def test_only_the_last_collection_gives_way_to_nobody():
    waived: list[bool] = []
    with reading(lambda _data: waived.append(COURTESY._is_waived), []) as reader:
        assert reader.force_flush(5_000)
        reader.stop()
        assert reader.join(monotonic() + 5)

    assert waived == [False, True]
    assert not COURTESY._is_waived  # in this thread


def test_a_last_collection_that_is_done_is_not_abandoned():
    abandoned: list[None] = []
    with reading(lambda _data: None, abandoned) as reader:
        reader.stop()
        assert reader.join(monotonic() + 5)
        reader.give_up()
    assert abandoned == []


def test_a_last_collection_that_is_not_done_is_abandoned():
    abandoned: list[None] = []
    may_end = Event()
    with reading(lambda _data: may_end.wait(10), abandoned) as reader:
        reader.stop()
        assert not reader.join(monotonic() + 0.05)
        reader.give_up()
        may_end.set()
        assert reader.join(monotonic() + 5)
    assert len(abandoned) == 1
