# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from telemetry.logs.otel_api import LogRecord, SeverityNumber
from telemetry.pipeline.switchable.logs import SwitchableLoggerProvider


def sdk() -> tuple[LoggerProvider, InMemoryLogRecordExporter]:
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return provider, exporter


def bodies(exporter: InMemoryLogRecordExporter) -> list[object]:
    return [item.log_record.body for item in exporter.get_finished_logs()]


def test_a_logger_follows_every_switch():
    provider = SwitchableLoggerProvider()
    logger = provider.get_logger("library", "1", "https://schema", {"a": 1})
    (first, first_logs), (second, second_logs) = sdk(), sdk()

    logger.emit(LogRecord(body="before"))
    provider.switch(first)
    logger.emit(LogRecord(body="one"))
    provider.switch(second)
    logger.emit(LogRecord(body="two"))
    logger.emit(LogRecord(body="three"))
    provider.switch(None)
    logger.emit(LogRecord(body="after"))

    assert bodies(first_logs) == ["one"]
    assert bodies(second_logs) == ["two", "three"]
    scope = first_logs.get_finished_logs()[0].instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version, scope.schema_url) == ("library", "1", "https://schema")


def test_a_record_given_by_its_parts_arrives():
    provider = SwitchableLoggerProvider()
    real, logs = sdk()
    provider.switch(real)

    provider.get_logger("library").emit(
        body="parts", severity_number=SeverityNumber.WARN, attributes={"k": 1}, event_name="happened"
    )

    (item,) = logs.get_finished_logs()
    assert (item.log_record.body, item.log_record.severity_number, item.log_record.event_name) == (
        "parts",
        SeverityNumber.WARN,
        "happened",
    )


def test_enabled_is_the_current_providers_answer():
    provider = SwitchableLoggerProvider()
    logger = provider.get_logger("library")

    assert not logger.enabled()
    provider.switch(sdk()[0])
    assert logger.enabled(severity_number=SeverityNumber.INFO)


def test_what_the_api_does_not_know_is_asked_of_the_real_provider():
    provider = SwitchableLoggerProvider()
    provider.switch(sdk()[0])

    assert provider.force_flush()
    with pytest.raises(AttributeError, match="_private"):
        _ = provider._private
