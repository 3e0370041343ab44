# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging

from opentelemetry.trace import format_span_id, format_trace_id

from telemetry.logs.trace_context import TraceContextFilter, current_ids


def test_inside_a_span_the_ids_are_its_own(tracer):
    with tracer.start_as_current_span("work") as span:
        context = span.get_span_context()
        assert current_ids() == (format_trace_id(context.trace_id), format_span_id(context.span_id))


def test_outside_a_span_the_ids_are_empty():
    assert current_ids() == ("", "")


def test_the_filter_marks_every_record_and_rejects_none(tracer):
    record = logging.makeLogRecord({"msg": "m"})

    with tracer.start_as_current_span("work"):
        assert TraceContextFilter(lambda: "shop").filter(record)
        assert (record.__dict__["trace_id"], record.__dict__["span_id"]) == current_ids()
    assert record.__dict__["service_name"] == "shop"


def test_a_record_marked_in_another_thread_keeps_its_ids(tracer):
    record = logging.makeLogRecord({"msg": "m", "trace_id": "t", "service_name": "s"})

    with tracer.start_as_current_span("work"):
        TraceContextFilter().filter(record)

    fields = record.__dict__
    assert (fields["trace_id"], fields["span_id"], fields["service_name"]) == ("t", "", "s")


def test_without_a_service_name_the_attribute_is_empty():
    record = logging.makeLogRecord({"msg": "m"})
    TraceContextFilter().filter(record)

    assert "{service_name}|{trace_id}".format(**record.__dict__) == "|"
