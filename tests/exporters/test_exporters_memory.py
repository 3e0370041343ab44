# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SpanExportResult
from support.providers import providers

from telemetry.config import load_config
from telemetry.exporters import memory
from telemetry.exporters.memory import MemoryLogExporter, MemorySpanExporter
from telemetry.exporters.sdk_logs import LogRecordExportResult


def spans(count: int) -> list[object]:
    return [f"span {number}" for number in range(count)]


def test_all_three_signals_can_be_looked_at():
    built = memory.build(load_config("svc", "1", exporter="memory"))
    assert isinstance(built.metrics, InMemoryMetricReader)
    with providers(built) as sdk:
        sdk.record_everything()
        sdk.tracers.force_flush()
        sdk.loggers.force_flush()
        data = built.metrics.get_metrics_data()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    assert {metric.name for metric in metrics} >= {"kairos.errors.total", "kairos.health.status"}
    assert [span.name for span in built.spans.get_finished_spans()] == ["chat model-1", "invoke_agent kairos"]
    assert [log.log_record.body for log in built.logs.get_finished_logs()] == ["retrying"]


def test_the_newest_spans_are_kept_and_the_others_counted():
    exporter = MemorySpanExporter(capacity=3)
    assert exporter.export(spans(5)) is SpanExportResult.SUCCESS
    assert exporter.get_finished_spans() == ("span 2", "span 3", "span 4")
    assert exporter.dropped == 2


def test_the_newest_logs_are_kept_and_the_others_counted():
    exporter = MemoryLogExporter(capacity=2)
    assert exporter.export(["a", "b", "c"]) is LogRecordExportResult.SUCCESS
    assert exporter.get_finished_logs() == ("b", "c")
    assert exporter.dropped == 1


def test_clearing_forgets_records_and_counts():
    for exporter, read in (
        (MemorySpanExporter(1), "get_finished_spans"),
        (MemoryLogExporter(1), "get_finished_logs"),
    ):
        exporter.export(["a", "b"])
        exporter.clear()
        assert getattr(exporter, read)() == ()
        assert exporter.dropped == 0


def test_after_shutdown_nothing_is_added_and_what_was_kept_can_be_read():
    exporter, logs = MemorySpanExporter(), MemoryLogExporter()
    exporter.export(["a"])
    logs.export(["a"])
    exporter.shutdown()
    logs.shutdown()
    assert exporter.export(["b"]) is SpanExportResult.FAILURE
    assert logs.export(["b"]) is LogRecordExportResult.FAILURE
    assert exporter.get_finished_spans() == logs.get_finished_logs() == ("a",)


def test_flushing_has_nothing_to_do():
    assert MemorySpanExporter().force_flush()
    assert MemoryLogExporter().force_flush()
