# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Status, StatusCode

from telemetry.config import load_config
from telemetry.exporters.sdk_logs import ReadableLogRecord
from telemetry.pipeline.cleaning.outgoing import Outgoing

KEY = "sk-ant-api03-abcDEF1234567890abcdef"


class Unreadable(Mapping):
    """What cannot even be looked into."""

    def __getitem__(self, key):
        raise RuntimeError("not today")

    __iter__ = __len__ = __getitem__

    def items(self):
        raise RuntimeError("not today")


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("not today")


@pytest.fixture
def truncated() -> Counter[str]:
    return Counter()


@pytest.fixture
def outgoing(truncated):
    def make(**settings) -> Outgoing:
        def count(signal, number):
            truncated[signal] += number

        return Outgoing(load_config(**settings), count)

    return make


class Spans:
    """Real spans of the SDK."""

    def __init__(self, resource: Resource | None = None) -> None:
        self._kept = InMemorySpanExporter()
        self.provider = TracerProvider(resource=resource or Resource({"service.name": "s"}))
        self.provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.tracer = self.provider.get_tracer("tested", "1")

    def make(self, name: str = "chat", **attributes) -> ReadableSpan:
        with self.tracer.start_as_current_span(name, attributes=attributes):
            pass
        return self.last()

    def last(self) -> ReadableSpan:
        return self._kept.get_finished_spans()[-1]


def log(body=None, attributes=None, event_name=None, resource=None, scope=None) -> ReadableLogRecord:
    record = LogRecord(body=body, attributes=attributes, event_name=event_name)
    return ReadableLogRecord(record, resource or Resource({}), scope or InstrumentationScope("tested"))


def collected(labels, description="", resource=None):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource or Resource({"service.name": "s"}), shutdown_on_exit=False)
    provider.get_meter("tested").create_counter("calls", description=description).add(1, labels)
    data = reader.get_metrics_data()
    provider.shutdown()
    return data


def test_what_needs_no_change_goes_on_as_it_is(outgoing, truncated):
    spans = Spans()
    span = spans.make(model="gpt-4o", tokens=12, ok=True, ratio=0.5, names=("a", "b"), text="grüße")
    with spans.tracer.start_as_current_span("outer", links=[Link(span.context, {"why": "retry"})]) as outer:
        outer.add_event("note", {"text": "fine"})
        outer.set_status(Status(StatusCode.ERROR, "the model did not answer"))
    logs = [log("connection reset", {"attempt": 2, "nested": {"deep": ["x", 1, None]}})]
    batch, data = [span, spans.last(), span], collected({"model": "gpt-4o"}, "Calls of models")
    stage = outgoing()
    for _ in range(2):
        assert stage.clean_spans(batch) is batch
        assert stage.clean_logs(logs) is logs
        assert stage.clean_metrics(data) is data
    assert not truncated


def test_secrets_leave_no_part_of_a_span(outgoing):
    spans = Spans(Resource({"service.name": "s", "host.token": "hunter2"}))
    secret = f"it was {KEY}"
    first = spans.make()
    tracer = spans.provider.get_tracer("tested", f"1 {KEY}", attributes={"password": "hunter2"})
    with tracer.start_as_current_span(f"call {KEY}", links=[Link(first.context, {"x": secret})]) as span:
        span.set_attributes(
            {"a": secret, "list": [secret], "db.password": "hunter2", "map": {"k": {"api_key": "hunter2"}}}
        )
        span.add_event(f"failed {KEY}", {"exception.message": secret, f"{KEY}": 1, "raw": secret.encode()})
        span.set_status(Status(StatusCode.ERROR, secret))
    (cleaned,) = outgoing().clean_spans([spans.last()])
    scope = cleaned.instrumentation_scope
    assert (scope.name, scope.version, dict(scope.attributes)) == (
        "tested",
        "1 sk-ant-***",
        {"password": "***"},
    )
    assert (cleaned.name, cleaned.status.description) == ("call sk-ant-***", "it was sk-ant-***")
    assert dict(cleaned.attributes) == {
        "a": "it was sk-ant-***",
        "list": ("it was sk-ant-***",),
        "db.password": "***",
        "map": {"k": {"api_key": "***"}},
    }
    (event,) = cleaned.events
    assert event.name == "failed sk-ant-***"
    assert dict(event.attributes) == {
        "exception.message": "it was sk-ant-***",
        "sk-ant-***": 1,
        "raw": b"it was sk-ant-***",
    }
    assert dict(cleaned.links[0].attributes) == {"x": "it was sk-ant-***"}
    assert dict(cleaned.resource.attributes) == {"service.name": "s", "host.token": "***"}


def test_a_copy_keeps_everything_else(outgoing):
    spans = Spans()
    with spans.tracer.start_as_current_span("outer"):
        span = spans.make(password="hunter2")
    span._attributes.dropped, span._events.dropped, span._links.dropped = 1, 2, 3
    (cleaned,) = outgoing().clean_spans([span])
    for name in (
        "name",
        "context",
        "parent",
        "kind",
        "start_time",
        "end_time",
        "resource",
        "instrumentation_scope",
    ):
        assert getattr(cleaned, name) == getattr(span, name)
    assert (cleaned.dropped_attributes, cleaned.dropped_events, cleaned.dropped_links) == (1, 2, 3)
    assert span.attributes["password"] == "hunter2"


def test_only_the_records_that_change_are_copied(outgoing):
    spans = Spans()
    good, bad = spans.make(), spans.make(password="hunter2")
    cleaned = outgoing().clean_spans([good, bad, good])
    assert [span is good for span in cleaned] == [True, False, True]


def test_secrets_leave_no_part_of_a_log_record(outgoing):
    record = log(
        {"user": "me", "password": "hunter2", "list": [f"x {KEY}", {"token": "hunter2"}], "n": 7},
        {"authorization": "hunter2", "exception.stacktrace": f"raise ValueError({KEY!r})"},
        f"event {KEY}",
        Resource({"a": f"b {KEY}"}),
        InstrumentationScope(f"scope {KEY}"),
    )
    record.log_record.attributes = {"authorization": "hunter2", "at": f"{KEY}"}
    (cleaned,) = outgoing().clean_logs([record])
    assert cleaned.log_record.body == {
        "user": "me",
        "password": "***",
        "list": ("x sk-ant-***", {"token": "***"}),
        "n": 7,
    }
    assert dict(cleaned.log_record.attributes) == {"authorization": "***", "at": "sk-ant-***"}
    assert cleaned.log_record.event_name == "event sk-ant-***"
    assert dict(cleaned.resource.attributes) == {"a": "b sk-ant-***"}
    assert cleaned.instrumentation_scope.name == "scope sk-ant-***"
    assert cleaned.log_record.timestamp == record.log_record.timestamp
    assert record.log_record.body["password"] == "hunter2"


@pytest.mark.parametrize(
    "body", [{f"it is {KEY}"}, frozenset({KEY}), Exception(KEY), KEY.encode(), [[[KEY]]]]
)
def test_whatever_a_body_is_its_secrets_are_masked(outgoing, body):
    (cleaned,) = outgoing().clean_logs([log(body)])
    assert KEY[10:] not in str(cleaned.log_record.body)
    assert "sk-ant-***" in str(cleaned.log_record.body)


def test_what_has_no_text_is_named_by_its_type(outgoing):
    (cleaned,) = outgoing().clean_logs([log({"a": Unprintable(), "b": 1})])
    assert cleaned.log_record.body == {"a": "<unprintable Unprintable>", "b": 1}


def test_objects_without_secrets_are_left_to_the_exporters(outgoing):
    batch = [log({"a": Exception("x"), 1: {"s"}, "b": 2**70, "c": range(3)})]
    assert outgoing().clean_logs(batch) is batch


def test_secrets_in_keys_of_any_type_and_numbers_under_a_password_are_masked(outgoing):
    (cleaned,) = outgoing().clean_logs(
        [log({1: KEY, KEY: 2, "password": 12345, "token": 5, "secret": True, "pwd": ""})]
    )
    body = {"1": "sk-ant-***", "sk-ant-***": 2, "password": "***", "token": 5, "secret": True, "pwd": ""}
    assert cleaned.log_record.body == body


def test_text_of_types_of_its_own_is_cleaned(outgoing):
    class Name(str):
        __slots__ = ()

    span = Spans().make(name="x", kept=Name("gpt"), told=Name(f"it is {KEY}"))
    (cleaned,) = outgoing().clean_spans([span])
    assert (cleaned.attributes["kept"], cleaned.attributes["told"]) == ("gpt", "it is sk-ant-***")


def test_long_bytes_are_cut(outgoing, truncated):
    (cleaned,) = outgoing(attribute_value_limit=4).clean_spans([Spans().make(raw=b"123456", short=b"12")])
    assert dict(cleaned.attributes) == {"raw": b"1234", "short": b"12"}
    assert truncated == {"traces": 1}


def test_cut_labels_are_counted(outgoing, truncated):
    outgoing(attribute_value_limit=4).clean_metrics(collected({"k": "123456"}))
    assert truncated == {"metrics": 1}


def test_a_body_that_contains_itself_is_masked_where_it_does(outgoing):
    body: list = ["x"]
    body.append(body)
    (cleaned,) = outgoing().clean_logs([log(body)])
    assert cleaned.log_record.body[0] == "x"
    assert "***" in str(cleaned.log_record.body)


def test_secrets_leave_no_part_of_a_metric(outgoing):
    resource = Resource({"service.name": "s", "deploy.token": "hunter2"})
    data = collected({"url": "https://me:hunter2@host/", "model": "m"}, f"counted with {KEY}", resource)
    cleaned = outgoing().clean_metrics(data)
    assert "hunter2" not in cleaned.to_json()
    (metric,) = cleaned.resource_metrics[0].scope_metrics[0].metrics
    assert metric.description == "counted with sk-ant-***"
    (point,) = metric.data.data_points
    assert dict(point.attributes) == {"url": "https://me:***@host/", "model": "m"}
    assert point.value == 1


def test_exemplars_of_metrics_are_cleaned(outgoing):
    reader, spans = InMemoryMetricReader(), Spans()
    view = View(instrument_name="*", attribute_keys={"a"})
    provider = MeterProvider([reader], shutdown_on_exit=False, views=[view])
    with spans.tracer.start_as_current_span("x"):
        provider.get_meter("m").create_counter("calls").add(1, {"a": "b", "secret": "hunter2"})
    data = reader.get_metrics_data()
    assert "hunter2" in data.to_json()
    assert "hunter2" not in outgoing().clean_metrics(data).to_json()


def test_labels_are_masked_and_never_left_out(outgoing):
    data = collected({"gen_ai.input.messages": "tell me a secret story", "k": "v"})
    cleaned = outgoing(capture_content="both").clean_metrics(data)
    (point,) = cleaned.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert dict(point.attributes) == {"gen_ai.input.messages": "***", "k": "v"}


def test_long_text_is_cut_to_bytes_and_counted(outgoing, truncated):
    span = Spans().make(ascii="a" * 11, wide="ä" * 6, fits="ä" * 5, short="x", list=["b" * 12])
    (cleaned,) = outgoing(attribute_value_limit=10).clean_spans([span])
    assert dict(cleaned.attributes) == {
        "ascii": "a" * 10,
        "wide": "ä" * 5,
        "fits": "ä" * 5,
        "short": "x",
        "list": ("b" * 10,),
    }
    assert truncated == {"traces": 3}


def test_a_cut_never_halves_a_character(outgoing):
    span = Spans().make(text="a€€€")
    (cleaned,) = outgoing(attribute_value_limit=6).clean_spans([span])
    assert cleaned.attributes["text"] == "a€"


def test_a_stack_trace_keeps_its_end(outgoing, truncated):
    record = log("failed", {"exception.stacktrace": "Traceback ... " + "x" * 50 + " ValueError: no"})
    (cleaned,) = outgoing(attribute_value_limit=14).clean_logs([record])
    assert cleaned.log_record.attributes["exception.stacktrace"] == "ValueError: no"
    assert truncated == {"logs": 1}


def test_a_secret_is_masked_before_text_is_cut(outgoing):
    span = Spans().make(text=f"password={'h' * 100}")
    (cleaned,) = outgoing(attribute_value_limit=15).clean_spans([span])
    assert cleaned.attributes["text"] == "password=***"


def test_bodies_and_resources_are_not_cut(outgoing, truncated):
    record = log("x" * 100, resource=Resource({"long": "y" * 100}))
    assert outgoing(attribute_value_limit=10).clean_logs([record]) == [record]
    assert not truncated


def test_half_a_surrogate_pair_is_repaired(outgoing, truncated):
    span = Spans().make(text="a\ud800b")
    (cleaned,) = outgoing().clean_spans([span])
    assert cleaned.attributes["text"] == "a?b"
    assert not truncated


def test_a_record_that_cannot_be_read_is_masked_as_a_whole(outgoing):
    spans = Spans()
    good, bad = spans.make(), spans.make(password="hunter2")
    bad._attributes._dict["broken"] = Unreadable()
    record, fine = log({"password": "hunter2", "broken": Unreadable()}, {"a": "hunter2"}), log("fine")
    cleaned = outgoing().clean_spans([good, bad])
    assert cleaned[0] is good
    assert (cleaned[1].name, dict(cleaned[1].attributes)) == ("***", {})
    assert (cleaned[1].context, cleaned[1].start_time) == (bad.context, bad.start_time)
    logs = outgoing().clean_logs([record, fine])
    assert logs[1] is fine
    assert (logs[0].log_record.body, logs[0].log_record.attributes) == ("***", None)
    assert logs[0].log_record.timestamp == record.log_record.timestamp


def test_what_is_no_span_at_all_raises_nothing(outgoing):
    class Nothing:
        def __getattr__(self, name):
            raise RuntimeError(name)

    (cleaned,) = outgoing().clean_spans([Nothing()])
    assert cleaned.name == "***"


def test_labels_and_sources_that_cannot_be_read_are_masked(outgoing):
    resource = Resource({"a": "hunter2"})
    resource._attributes._dict["broken"] = Unreadable()
    data = collected({"a": "b"}, resource=resource)
    point = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
    point.attributes["broken"] = Unreadable()
    cleaned = outgoing().clean_metrics(data)
    assert dict(cleaned.resource_metrics[0].resource.attributes) == {}
    (point,) = cleaned.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert point.attributes == {"a": "***", "broken": "***"}


def test_nothing_is_remembered_for_ever(outgoing):
    stage, resource = outgoing(), Resource({})
    for number in range(5000):
        span = ReadableSpan(
            f"span {number % 3000}",
            attributes={f"key {number}": f"value {number}", "long": f"value {number} " + "x" * 64},
            instrumentation_scope=InstrumentationScope(f"scope {number}"),
            resource=resource,
        )
        assert stage.clean_spans([span]) == [span]  # which makes its names known
        assert stage.clean_spans([span]) == [span]
    cleaner, sources = stage._on_spans, stage._sources
    kept = {
        "names": stage._clean_names,
        "resources and scopes": sources._cleaned,
        "pairs of them": sources._clean,
        "kinds of keys": cleaner._kinds,
        "plain keys": cleaner._plain_keys,
        "texts": cleaner._clean_texts,
    }
    assert {name: len(each) for name, each in kept.items() if not 0 < len(each) <= 2100} == {}


def test_a_record_without_a_source_or_attributes_is_cleaned_like_others(outgoing):
    stage = outgoing()
    batch = [ReadableLogRecord(LogRecord(body="x"), None, None)]
    assert stage.clean_logs(batch) is batch
    data = collected({})
    assert stage.clean_metrics(data) is data


def test_a_clean_record_of_a_source_with_secrets_gets_the_cleaned_source(outgoing):
    record = log("x", resource=Resource({"token": "hunter2"}))
    (cleaned,) = outgoing().clean_logs([record])
    assert cleaned.log_record is record.log_record
    assert dict(cleaned.resource.attributes) == {"token": "***"}
