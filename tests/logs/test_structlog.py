# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import structlog

from telemetry.logs.structlog import add_trace_context, event_exporter, export_event
from telemetry.logs.trace_context import current_ids


def logger(*processors: Any, **initial: Any) -> tuple[Any, list[Any]]:
    rendered: list[Any] = []

    def keep(_logger: Any, _name: str, event_dict: Any) -> str:
        rendered.append(dict(event_dict))
        return json.dumps(event_dict, default=repr)

    wrapped = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[*processors, keep],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    return wrapped.bind(**initial), rendered


def test_events_get_the_current_spans_ids(tracer):
    log, rendered = logger(add_trace_context)

    log.info("outside")
    with tracer.start_as_current_span("work"):
        log.info("inside")
        trace_id, span_id = current_ids()

    assert rendered == [
        {"event": "outside"},
        {"event": "inside", "trace_id": trace_id, "span_id": span_id},
    ]


def test_events_are_exported_and_passed_on_unchanged(exported, tracer):
    log, rendered = logger(structlog.processors.add_log_level, event_exporter(exported.source), logger="shop")

    with tracer.start_as_current_span("work") as span:
        log.warning("added", order=7, tags={1})

    (item,) = exported.items()
    record = item.log_record
    assert item.instrumentation_scope.name == "shop"
    assert (record.body, record.severity_text, dict(record.attributes)) == (
        "added",
        "WARN",
        {"order": 7, "tags": "{1}"},
    )
    assert record.trace_id == span.get_span_context().trace_id
    assert rendered == [
        {"event": "added", "order": 7, "tags": {1}, "level": "warning", "logger": "shop"},
    ]


def test_the_current_exception_is_exported(exported):
    log, _ = logger(event_exporter(exported.source))

    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("failed")

    (item,) = exported.items()
    assert (item.log_record.severity_text, item.instrumentation_scope.name) == ("ERROR", "structlog")
    assert item.log_record.attributes["exception.type"] == "ValueError"


def test_an_exception_given_as_such_is_exported(exported):
    log, _ = logger(event_exporter(exported.source))

    log.critical("failed", exc_info=KeyError("k"))

    record = exported.only()
    assert (record.severity_text, record.attributes["exception.message"]) == ("FATAL", "'k'")


def test_an_unknown_level_counts_as_info(exported):
    event_exporter(exported.source)(None, "notice", {"event": "e", 7: "seven"})  # type: ignore[dict-item] # users may

    record = exported.only()
    assert (record.severity_text, record.severity_number.name, dict(record.attributes)) == (
        "NOTICE",
        "INFO",
        {"7": "seven"},
    )


def test_export_event_uses_the_global_provider(exported, monkeypatch):
    monkeypatch.setattr("telemetry.logs.structlog.get_logger_provider", lambda: exported.provider)

    assert export_event(None, "info", {"event": "hello"}) == {"event": "hello"}
    assert exported.only().body == "hello"
