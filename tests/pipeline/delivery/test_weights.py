# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import telemetry
from telemetry.logs.otel_api import LogRecord
from telemetry.pipeline.delivery.weights import weight_of_log, weight_of_span


def test_the_texts_of_a_span_and_its_events_are_its_weight():
    with telemetry.init("tests", exporter="memory") as pipeline:
        with pipeline.tracer.start_as_current_span("work") as span:
            span.set_attributes({"text": "x" * 1000, "list": ["y" * 10] * 5, "number": 7})
            span.add_event("event", {"more": "z" * 100})
        pipeline.force_flush(5)
        (finished,) = pipeline.exporters["memory"].spans.get_finished_spans()

    assert 1150 <= weight_of_span(finished) < 1200


def test_the_body_and_the_attributes_of_a_log_record_are_its_weight():
    with telemetry.init("tests", exporter="memory") as pipeline:
        pipeline.logger.emit(LogRecord(body={"a": "x" * 1000, "b": [b"y" * 10]}, attributes={"c": "z" * 100}))
        pipeline.force_flush(5)
        (record,) = pipeline.exporters["memory"].logs.get_finished_logs()

    assert 1110 <= weight_of_log(record) < 1200


def test_what_cannot_be_weighed_weighs_nothing():
    assert weight_of_span(None) == 0
    assert weight_of_log(None) == 0


def test_a_deep_body_is_weighed_near_its_surface():
    body = ["x"]
    for _ in range(50):
        body = [body, "y"]
    record = type("Record", (), {"log_record": LogRecord(body=body)})

    assert 0 < weight_of_log(record) < 10
