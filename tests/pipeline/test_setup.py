# SPDX-License-Identifier: Apache-2.0
"""The public functions of set-up that have their logic elsewhere."""

from __future__ import annotations

import io
import json
import logging

import telemetry
from telemetry.logs import logging_set_aside


def test_a_logger_is_the_standard_librarys():
    assert telemetry.get_logger("some.name") is logging.getLogger("some.name")


def test_log_lines_carry_service_and_trace_while_a_pipeline_is_active(monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would be respected
    with logging_set_aside():
        before, inside, exported, trace_id = log_before_and_inside()

    assert not before.get("service_name")
    assert inside["service_name"] == "agent"
    assert inside["trace_id"] == f"{trace_id:032x}"
    assert exported == ["inside"]


def log_before_and_inside() -> tuple[dict, dict, list, int]:
    stream = io.StringIO()
    telemetry.configure_logging("INFO", "json", stream=stream)
    log = telemetry.get_logger("tests.setup")
    log.info("before")
    with telemetry.init("agent", exporter="memory") as pipeline:
        with telemetry.observe(name="work") as span:
            log.info("inside")
        pipeline.force_flush(5)
        exported = [each.log_record.body for each in pipeline.exporters["memory"].logs.get_finished_logs()]

    before, inside = map(json.loads, stream.getvalue().splitlines())
    return before, inside, exported, span.get_span_context().trace_id
