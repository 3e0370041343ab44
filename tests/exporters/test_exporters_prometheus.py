# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from support.ports import is_listening
from support.prometheus_server import PrometheusServer
from support.providers import Providers, providers

from telemetry import conventions
from telemetry.config import load_config
from telemetry.errors import TelemetryError
from telemetry.exporters import prometheus
from telemetry.exporters.base import Exporters
from telemetry.exporters.prometheus import PrometheusReader
from telemetry.exporters.prometheus_families import families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import CallbackOptions

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def reader() -> PrometheusReader:
    return PrometheusReader("127.0.0.1", 0)


@pytest.fixture
def sdk(reader: PrometheusReader) -> Iterator[Providers]:
    with providers(Exporters(metrics=reader)) as running:
        yield running


def get(reader: PrometheusReader, accept: str = "text/plain") -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{reader.port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def scraped(reader: PrometheusReader, name: str, accept: str = "text/plain") -> dict[str, list[Any]]:
    """The samples of one family by the samples' names."""
    parse = parse_openmetrics if "openmetrics" in accept else parse_text
    family = next(family for family in parse(get(reader, accept)) if family.name == name)
    out: dict[str, list[Any]] = {}
    for sample in family.samples:
        out.setdefault(sample.name, []).append(sample)
    return out


def record_the_five(sdk: Providers) -> None:
    meter = sdk.meter
    labels = {"error.code": "timeout", "component": "llm", "recoverable": "true"}
    meter.create_counter(conventions.ERRORS_TOTAL, conventions.UNIT_ERRORS).add(5, labels)
    meter.create_counter(conventions.ERRORS_RECOVERED, conventions.UNIT_ERRORS).add(4, labels)
    rate = meter.create_gauge(conventions.ERRORS_RATE, conventions.UNIT_ERRORS_RATE)
    rate.set(2.5, {"component": "llm"})
    rate.set(3.5)
    meter.create_gauge(conventions.HEALTH_STATUS, conventions.UNIT_STATUS).set(2, {"component": "llm"})
    meter.create_gauge(conventions.CIRCUIT_STATE, conventions.UNIT_STATE).set(1, {"component": "llm"})


@pytest.fixture(scope="module")
def prometheus_server() -> Iterator[PrometheusServer]:
    """A real Prometheus that scrapes the five instruments and a histogram with an exemplar.

    For all tests of this file: it takes five seconds until it looks at its targets.
    """
    reader = PrometheusReader("127.0.0.1", 0)
    with providers(Exporters(metrics=reader)) as sdk:
        record_the_five(sdk)
        with sdk.tracer.start_as_current_span("chat"):
            sdk.meter.create_histogram("wait", "s", explicit_bucket_boundaries_advisory=[1, 2]).record(1.5)
        with PrometheusServer(reader.port) as server:
            yield server


def test_a_real_prometheus_shows_exactly_the_five_names(prometheus_server):
    ((labels, errors),) = prometheus_server.query("kairos_errors_total")
    assert errors == 5
    assert labels["error_code"] == "timeout"
    assert labels["recoverable"] == "true"
    assert labels["otel_scope_name"] == "kairos.telemetry"
    assert {name for name in prometheus_server.names() if name.startswith("kairos")} == {
        "kairos_errors_total",
        "kairos_errors_recovered_total",
        "kairos_errors_rate",
        "kairos_health_status",
        "kairos_circuitbreaker_state",
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sum(kairos_errors_recovered_total) / sum(kairos_errors_total)", 0.8),
        ('kairos_errors_rate{component=""}', 3.5),
        ('kairos_errors_rate{component="llm"}', 2.5),
        ("kairos_health_status", 2),
        ("kairos_circuitbreaker_state", 1),
    ],
)
def test_a_real_prometheus_answers_the_guides_questions(prometheus_server, expression, value):
    assert [found for _, found in prometheus_server.query(expression)] == [value]


def test_a_real_prometheus_knows_the_resource(prometheus_server):
    ((target, _),) = prometheus_server.query("target_info")
    assert target["service_name"] == "tested"
    assert target["service_version"] == "1.2.3"


def test_a_real_prometheus_stores_buckets_and_exemplars(prometheus_server):
    buckets = {labels["le"]: count for labels, count in prometheus_server.query("wait_seconds_bucket")}
    assert buckets == {"1.0": 0, "2.0": 1, "+Inf": 1}
    whole = {"start": "2000-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}
    (found,) = prometheus_server.api("query_exemplars", query="wait_seconds_bucket", **whole)
    assert found["seriesLabels"]["le"] == "2.0"
    assert set(found["exemplars"][0]["labels"]) == {"trace_id", "span_id"}


def test_each_scrape_collects_anew(reader, sdk):
    counter = sdk.meter.create_counter("kairos.errors.total")
    for expected in (1, 2):
        counter.add(1)
        assert scraped(reader, "kairos_errors")["kairos_errors_total"][0].value == expected


def test_a_histogram_has_cumulative_buckets_a_count_and_a_sum(reader, sdk):
    histogram = sdk.meter.create_histogram(
        "wait", "s", "How long", explicit_bucket_boundaries_advisory=[1, 2.5]
    )
    for seconds in (0.5, 1.5, 9):
        histogram.record(seconds, {"component": "llm"})
    samples = scraped(reader, "wait_seconds")
    assert [(s.labels["le"], s.value) for s in samples["wait_seconds_bucket"]] == [
        ("1.0", 1),
        ("2.5", 2),
        ("+Inf", 3),
    ]
    assert samples["wait_seconds_count"][0].value == 3
    assert samples["wait_seconds_sum"][0].value == 11
    assert "le" not in samples["wait_seconds_sum"][0].labels
    assert "# HELP wait_seconds How long\n# TYPE wait_seconds histogram\n" in get(reader)


def test_openmetrics_carries_exemplars_of_counters_and_buckets(reader, sdk):
    with sdk.tracer.start_as_current_span("chat") as span:
        sdk.meter.create_counter("calls").add(1)
        sdk.meter.create_histogram("wait", "s", explicit_bucket_boundaries_advisory=[1]).record(0.5)
    ids = {
        "trace_id": f"{span.get_span_context().trace_id:032x}",
        "span_id": f"{span.get_span_context().span_id:016x}",
    }
    shown = {family.name: family for family in parse_openmetrics(get(reader, OPENMETRICS))}
    (call,) = shown["calls"].samples
    assert call.exemplar.labels == ids
    first, last, *_ = shown["wait_seconds"].samples
    assert first.exemplar.labels == ids
    assert first.exemplar.value == 0.5
    assert last.exemplar is None


def test_openmetrics_names_the_unit_where_the_name_ends_with_it(reader, sdk):
    sdk.meter.create_gauge("pause", "s").set(1)
    sdk.meter.create_gauge("pause.seconds.longest", "s").set(2)
    text = get(reader, OPENMETRICS)
    assert "# UNIT pause_seconds seconds\n" in text
    assert "# UNIT pause_seconds_longest" not in text
    list(parse_openmetrics(text))


def test_a_sum_that_can_fall_is_a_gauge(reader, sdk):
    sdk.meter.create_up_down_counter("queue.length", "{item}").add(-3)
    assert "# TYPE queue_length gauge\n" in get(reader)
    assert scraped(reader, "queue_length")["queue_length"][0].value == -3


def test_one_name_in_two_scopes_is_one_family_with_scope_labels(reader, sdk):
    for scope, version in (("first", "1"), ("second", "")):
        meter = sdk.meters.get_meter(scope, version, attributes={"team.name": "core"})
        meter.create_counter("calls").add(1, {"k": "v"})
    assert get(reader).count("# TYPE calls_total") == 1
    labels = [sample.labels for sample in scraped(reader, "calls")["calls_total"]]
    assert labels == [
        {"k": "v", "otel_scope_name": "first", "otel_scope_version": "1", "otel_scope_team_name": "core"},
        {"k": "v", "otel_scope_name": "second", "otel_scope_team_name": "core"},
    ]


def test_a_name_taken_by_another_type_is_left_out_and_told(reader, sdk, caplog):
    sdk.meter.create_counter("calls").add(1)
    sdk.meter.create_gauge("calls.total").set(7)
    text = get(reader)
    assert "# TYPE calls_total counter\n" in text
    assert "7" not in text.partition("# TYPE calls_total")[2].splitlines()[1]
    assert "prometheus: calls.total is left out: calls_total is taken by a counter" in caplog.text


def test_series_that_prometheus_cannot_tell_apart_are_shown_once(reader, sdk):
    gauge = sdk.meter.create_gauge("level")
    gauge.set(1, {"n": 1})
    gauge.set(2, {"n": "1"})
    assert [sample.value for sample in scraped(reader, "level")["level"]] == [1]


def test_an_exponential_histogram_becomes_buckets():
    memory = InMemoryMetricReader()
    meters = MeterProvider(
        [memory],
        Resource({}),
        views=[
            View(
                instrument_name="*",
                aggregation=ExponentialBucketHistogramAggregation(max_size=4, max_scale=0),
            )
        ],
    )
    histogram = meters.get_meter("m").create_histogram("h")
    for value in (0, 1.5, 3, 4):
        histogram.record(value)
    family = next(family for family in families(memory.get_metrics_data()) if family.name == "h")
    meters.shutdown()
    shown = [(s.labels["le"], s.value) for s in family.samples if s.name == "h_bucket"]
    assert shown == [("0.0", 1), ("2.0", 2), ("4.0", 4), ("+Inf", 4)]
    assert [s.value for s in family.samples if s.name == "h_sum"] == [8.5]


def test_an_exemplars_attributes_are_shown_while_they_are_short():
    memory = InMemoryMetricReader()
    meters = MeterProvider(
        [memory],
        Resource({}),
        views=[View(instrument_name="*", attribute_keys=set())],
        exemplar_filter=always_on(),
    )
    counter = meters.get_meter("m").create_counter("short")
    counter.add(1, {"user": "ana"})
    meters.get_meter("m").create_counter("long").add(1, {"user": "a" * 200})
    shown = {family.name: family for family in families(memory.get_metrics_data())}
    meters.shutdown()
    assert shown["short"].samples[0].exemplar.labels == {"user": "ana"}
    assert shown["long"].samples[0].exemplar.labels == {}


def always_on() -> Any:
    from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter

    return AlwaysOnExemplarFilter()


def test_before_there_is_a_provider_a_scrape_is_empty(reader, caplog):
    assert get(reader) == ""
    reader.shutdown()


def test_a_failed_collection_is_a_500_without_a_traceback(reader, sdk, capfd, caplog, monkeypatch):
    monkeypatch.setattr(reader, "scrape", lambda: 1 / 0)
    with pytest.raises(urllib.error.HTTPError, match="HTTP Error 500") as caught:
        get(reader)
    caught.value.close()
    assert "prometheus: a scrape failed: ZeroDivisionError: division by zero" in caplog.text
    assert "Traceback" not in capfd.readouterr().err


def test_scrapes_side_by_side_each_get_everything(reader, sdk):
    both = threading.Barrier(2, timeout=10)

    def observe(options: CallbackOptions) -> list[Any]:
        return []

    sdk.meter.create_observable_gauge("slow", [observe])
    sdk.meter.create_counter("calls").add(1)
    answers: list[str] = []

    def scrape() -> None:
        both.wait()
        answers.append(get(reader))

    threads = [threading.Thread(target=scrape) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("calls_total" in answer for answer in answers)
    assert len(answers) == 2


def test_a_port_in_use_is_told_at_set_up_with_the_setting(reader):
    port = reader.port
    config = load_config("svc", "1", exporter="prometheus", prometheus_port=port)
    expected = (
        rf"prometheus_port: 127\.0\.0\.1:{port} cannot be listened on: Address already in use; allowed: .*"
        r"KAIROS_TELEMETRY_PROMETHEUS_PORT"
    )
    try:
        with pytest.raises(TelemetryError, match=expected):
            prometheus.build(config)
    finally:
        reader.shutdown()


def test_shutdown_frees_the_port_and_the_thread():
    before = set(threading.enumerate())
    built = prometheus.build(load_config("svc", "1", exporter="prometheus", prometheus_port=0))
    assert is_listening(built.metrics.port)
    assert built.metrics.force_flush()
    built.metrics.shutdown()
    built.metrics.shutdown()
    assert not is_listening(built.metrics.port)
    assert set(threading.enumerate()) <= before
    again = PrometheusReader("127.0.0.1", built.metrics.port)
    again.shutdown()


def test_a_forked_childs_shutdown_returns_and_leaves_the_parents_endpoint_alone(reader, sdk, monkeypatch):
    thread = reader._thread
    monkeypatch.setattr(os, "getpid", lambda: reader._owner + 1)
    reader.shutdown()
    assert thread.is_alive()  # what a child does not have, and must not wait for
    monkeypatch.undo()
    reader._stop_serving(5)
