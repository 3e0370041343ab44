# SPDX-License-Identifier: Apache-2.0
"""Spans go by one look at the wall clock per local root, and by the monotonic clock from then on."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from telemetry.pipeline.guarded.span_clock import SpanClock
from telemetry.pipeline.guarded.traces import GuardedTracerProvider
from telemetry.pipeline.trouble import Trouble

HOUR = 3_600_000_000_000


class Clocks:
    def __init__(self) -> None:
        self.wall = 1_000 * HOUR
        self.monotonic = 5

    def pass_by(self, nanoseconds: int) -> None:
        self.wall += nanoseconds
        self.monotonic += nanoseconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def tracer(clocks):
    return GuardedTracerProvider(
        Trouble(),
        SpanClock(lambda: clocks.wall, lambda: clocks.monotonic),
        active_span_processor=SynchronousMultiSpanProcessor(),
        shutdown_on_exit=False,
    ).get_tracer("tests")


def test_a_span_lasts_as_long_as_the_monotonic_clock_says(clocks, tracer):
    span = tracer.start_span("work")
    clocks.pass_by(7)
    clocks.wall -= HOUR
    span.end()

    assert (span.start_time, span.end_time) == (1_000 * HOUR, 1_000 * HOUR + 7)


def test_children_and_events_go_by_the_clock_of_their_local_root(clocks, tracer):
    with tracer.start_as_current_span("root") as root:
        clocks.wall -= HOUR
        clocks.pass_by(1)
        with tracer.start_as_current_span("child") as child:
            clocks.pass_by(1)
            child.add_event("event")
            clocks.pass_by(1)
        clocks.pass_by(1)

    assert [root.start_time, child.start_time, child.events[0].timestamp, child.end_time, root.end_time] == [
        1_000 * HOUR + step for step in range(5)
    ]


def test_a_new_root_looks_at_the_wall_clock_again(clocks, tracer):
    tracer.start_span("first").end()
    clocks.wall += HOUR
    second = tracer.start_span("second")

    assert second.start_time == 1_001 * HOUR


def test_a_child_of_another_processs_span_is_a_local_root(clocks, tracer):
    tracer.start_span("first").end()
    clocks.wall += HOUR
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    span = tracer.start_span("served", set_span_in_context(NonRecordingSpan(remote)))

    assert span.parent is remote
    assert span.start_time == 1_001 * HOUR


def test_times_that_the_caller_gives_are_kept(tracer):
    span = tracer.start_span("replayed", start_time=100)
    span.add_event("then", timestamp=150)
    span.end(200)

    assert (span.start_time, span.events[0].timestamp, span.end_time) == (100, 150, 200)


def test_no_span_ends_before_it_started_even_if_the_caller_says_so(tracer):
    span = tracer.start_span("odd", start_time=100)
    span.end(50)

    assert (span.start_time, span.end_time) == (100, 100)


def test_by_default_it_is_the_time_of_the_process():
    assert abs(SpanClock().offset_ns() - SpanClock().offset_ns()) < 10_000_000_000
