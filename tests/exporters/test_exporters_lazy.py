# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace.export import SpanExportResult

from telemetry.exporters.lazy import LazyLogExporter, LazyMetricExporter, LazySpanExporter
from telemetry.exporters.sdk_logs import LogRecordExportResult
from telemetry.exporters.temporality import preferred_aggregation, preferred_temporality


class Real:
    """Stands for all three kinds of exporters."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.batches: list[object] = []
        self.is_shut_down = False

    def export(self, batch: object, **kwargs: object) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        self.batches.append(batch)
        return self.answer

    def shutdown(self) -> None:
        self.is_shut_down = True


def lazy_metrics(create) -> LazyMetricExporter:
    return LazyMetricExporter(create, preferred_temporality({}), preferred_aggregation({}))


KINDS = [
    pytest.param(LazySpanExporter, SpanExportResult, [], id="spans"),
    pytest.param(LazyLogExporter, LogRecordExportResult, [], id="logs"),
    pytest.param(lazy_metrics, MetricExportResult, MetricsData([]), id="metrics"),
]


@pytest.mark.parametrize(("kind", "result", "batch"), KINDS)
def test_the_exporter_is_created_by_the_first_export_and_kept(kind, result, batch):
    made: list[Real] = []

    def create() -> Real:
        made.append(Real(result.SUCCESS))
        return made[-1]

    exporter = kind(create)
    assert made == []
    assert exporter.export(batch) is result.SUCCESS
    assert exporter.export(batch) is result.SUCCESS
    assert [len(real.batches) for real in made] == [2]


@pytest.mark.parametrize(("kind", "result", "batch"), KINDS)
def test_a_failed_creation_is_a_failure_and_tried_again(kind, result, batch):
    answers: list[object] = [FileNotFoundError("ca.pem"), Real(result.SUCCESS)]

    def create() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    exporter = kind(create)
    assert exporter.export(batch) is result.FAILURE
    assert exporter.export(batch) is result.SUCCESS


@pytest.mark.parametrize(("kind", "result", "batch"), KINDS)
def test_an_exporter_that_raises_is_a_failure_and_is_logged(kind, result, batch, caplog):
    assert kind(lambda: Real(ValueError("cannot encode"))).export(batch) is result.FAILURE
    assert "an export failed: ValueError: cannot encode" in caplog.text


@pytest.mark.parametrize(("kind", "result", "batch"), KINDS)
def test_shutdown_reaches_the_exporter_and_ends_exporting(kind, result, batch):
    real = Real(result.SUCCESS)
    exporter = kind(lambda: real)
    exporter.export(batch)
    exporter.shutdown()
    assert real.is_shut_down
    assert exporter.export(batch) is result.FAILURE


@pytest.mark.parametrize(("kind", "result", "batch"), KINDS)
def test_shutdown_before_any_export_creates_nothing(kind, result, batch):
    exporter = kind(lambda: pytest.fail("created"))
    exporter.shutdown()
    assert exporter.export(batch) is result.FAILURE


def test_an_exporter_made_while_shutdown_came_is_shut_down():
    real = Real(SpanExportResult.SUCCESS)

    def create() -> Real:
        exporter.shutdown()
        return real

    exporter = LazySpanExporter(create)
    assert exporter.export([]) is SpanExportResult.FAILURE
    assert real.is_shut_down


def test_two_first_exports_at_once_share_one_exporter():
    both, made = threading.Barrier(2, timeout=10), []

    def create() -> Real:
        real = Real(SpanExportResult.SUCCESS)
        made.append(real)
        both.wait()
        return real

    exporter = LazySpanExporter(create)
    threads = [threading.Thread(target=exporter.export, args=([],)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(real.batches) for real in made) == [0, 2]
    assert [real.is_shut_down for real in made if not real.batches] == [True]


@pytest.mark.parametrize(("kind", "result", "batch"), KINDS)
def test_flushing_has_nothing_to_do(kind, result, batch):
    assert kind(Real).force_flush()


@pytest.mark.parametrize("name", ["otlp", "otlp-http"])
def test_building_an_otlp_exporter_imports_neither_grpc_nor_protobuf_nor_requests(name, bare_environment):
    program = (
        "import json, sys\n"
        "from telemetry.config import load_config\n"
        "from telemetry.exporters import registry\n"
        f"registry.build({name!r}, load_config('svc', '1', exporter={name!r}))\n"
        "print(json.dumps([m for m in ('grpc', 'google.protobuf', 'requests') if m in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=bare_environment,
    )
    assert json.loads(done.stdout) == []
