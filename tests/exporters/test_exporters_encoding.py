# SPDX-License-Identifier: Apache-2.0
"""What decodes is what went in, minus what no protocol could carry."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from telemetry.exporters.encoding import encode_logs, encode_metrics, encode_spans
from telemetry.exporters.packing import MAX_REQUEST_BYTES
from telemetry.exporters.sdk_logs import ReadableLogRecord

if TYPE_CHECKING:
    from telemetry.exporters.encoding import Encoded
    from telemetry.spool.request import Request

RESOURCE = Resource({"service.name": "tested"})
SCOPE = InstrumentationScope("scope", "1")
CONTEXT = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def nothing() -> None:
    """No pause: nobody waits."""


def span(name: Any = "work", **fields: Any) -> ReadableSpan:
    fields = {"resource": RESOURCE, "instrumentation_scope": SCOPE, "start_time": 1, "end_time": 2, **fields}
    return ReadableSpan(name, CONTEXT, **fields)


def log(body: Any = "said", *, resource: Resource = RESOURCE, **fields: Any) -> ReadableLogRecord:
    fields = {"timestamp": 1, "observed_timestamp": 2, "severity_number": SeverityNumber.INFO, **fields}
    record = LogRecord(body=body)
    for name, value in fields.items():
        setattr(record, name, value)
    return ReadableLogRecord(record, resource, SCOPE)


def number(value: Any = 1, attributes: Any = None, **fields: Any) -> NumberDataPoint:
    fields = {"start_time_unix_nano": 1, "time_unix_nano": 2, **fields}
    return NumberDataPoint(attributes=attributes or {}, value=value, **fields)


def total(points: list[Any], name: Any = "calls") -> Metric:
    return Metric(name, "", "1", Sum(points, AggregationTemporality.CUMULATIVE, True))


def collection(*metrics: Metric, resource: Resource = RESOURCE, scope: Any = SCOPE) -> MetricsData:
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, list(metrics), "")], "")])


def spans_in(request: Request) -> list[Any]:
    message = ExportTraceServiceRequest.FromString(request.body)
    return [each for r in message.resource_spans for s in r.scope_spans for each in s.spans]


def logs_in(request: Request) -> list[Any]:
    message = ExportLogsServiceRequest.FromString(request.body)
    return [each for r in message.resource_logs for s in r.scope_logs for each in s.log_records]


def metrics_in(request: Request) -> list[Any]:
    message = ExportMetricsServiceRequest.FromString(request.body)
    return [each for r in message.resource_metrics for s in r.scope_metrics for each in s.metrics]


def numbers_in(request: Request) -> list[Any]:
    return [
        point
        for metric in metrics_in(request)
        for point in getattr(metric, metric.WhichOneof("data")).data_points
    ]


def attributes_of(message: Any) -> dict[str, Any]:
    return {each.key: plain(each.value) for each in message.attributes}


def plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: plain(item.value) for item in value.kvlist_value.values}
    return getattr(value, kind) if kind else None


def only(encoded: Encoded) -> Request:
    (request,) = encoded.requests
    assert encoded.oversized == []
    assert encoded.unencodable == 0
    return request


# -- sound records -------------------------------------------------------------------------


def test_a_batch_becomes_one_request_with_its_records_in_order():
    encoded = only(encode_spans([span(f"{n}") for n in range(100)], nothing))
    assert (encoded.signal, encoded.records) == ("traces", 100)
    assert [each.name for each in spans_in(encoded)] == [f"{n}" for n in range(100)]


def test_a_small_batch_is_encoded_exactly_as_the_sdk_does():
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as theirs

    batch = [span("a", attributes={"k": "v"}, events=[Event("e", {"x": 1}, 5)]), span("b")]
    assert only(encode_spans(batch, nothing)).body == theirs(batch).SerializeToString()


def test_a_small_collection_is_encoded_exactly_as_the_sdk_does():
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics as theirs

    exemplar = Exemplar({"a": "b"}, 1, 2, 3, 4)
    data = collection(
        total([number(3, {"a": "b"}, exemplars=[exemplar]), number(4.5)]),
        Metric("now", "", "", Gauge([number(7, start_time_unix_nano=None)])),
        Metric(
            "took",
            "",
            "s",
            Histogram(
                [HistogramDataPoint({}, 1, 2, 3, 4.5, [1, 2], [1.0], 0.5, 3.0)], AggregationTemporality.DELTA
            ),
        ),
    )
    request = only(encode_metrics(data, nothing))
    assert request.body == theirs(data).SerializeToString()
    assert (request.signal, request.records) == ("metrics", 4)


def test_a_metric_of_many_points_keeps_all_of_them_and_its_kind():
    data = collection(total([number(n, {"n": n}) for n in range(500)]))
    request = only(encode_metrics(data, nothing))
    assert request.records == 500
    assert [point.as_int for point in numbers_in(request)] == list(range(500))
    assert {
        (each.name, each.sum.is_monotonic, each.sum.aggregation_temporality) for each in metrics_in(request)
    } == {("calls", True, 2)}


def test_nothing_becomes_no_request():
    assert encode_spans([], nothing) == encode_logs([], nothing) == encode_metrics(MetricsData([]), nothing)
    assert encode_spans([], nothing).requests == []


def test_a_pause_comes_before_each_piece_and_before_they_are_put_together():
    pauses: list[None] = []
    encode_spans([span()], lambda: pauses.append(None))
    assert len(pauses) == 2
    encode_spans([span()] * 100, lambda: pauses.append(None))
    assert len(pauses) > 10


# -- size ----------------------------------------------------------------------------------


def test_a_batch_over_the_limit_becomes_several_requests():
    batch = [log("x" * 100_000) for _ in range(60)]
    encoded = encode_logs(batch, nothing)
    assert len(encoded.requests) == 2
    assert all(len(request.body) <= MAX_REQUEST_BYTES < 4 * 1024 * 1024 for request in encoded.requests)
    assert sum(request.records for request in encoded.requests) == 60
    assert len({request.batch_id for request in encoded.requests}) == 2


def test_a_record_over_the_limit_is_set_apart_and_the_others_go_on():
    encoded = encode_logs([log("a"), log("x" * 5_000_000), log("b")], nothing)
    (request,), (big,) = encoded.requests, encoded.oversized
    assert [each.body.string_value for each in logs_in(request)] == ["a", "b"]
    assert big.records == 1
    assert len(logs_in(big)[0].body.string_value) == 5_000_000
    assert encoded.unencodable == 0


def test_spans_and_points_are_split_in_the_same_way():
    spans = encode_spans([span("x" * 300) for _ in range(20)], nothing, max_bytes=1_000)
    points = encode_metrics(
        collection(total([number(1, {"a": "x" * 300}) for _ in range(20)])), nothing, max_bytes=1_000
    )
    for encoded in (spans, points):
        assert all(len(request.body) <= 1_000 for request in encoded.requests)
        assert sum(request.records for request in encoded.requests) == 20
        assert encoded.oversized == []


# -- poison --------------------------------------------------------------------------------

ODD_VALUES = [
    pytest.param({1}, "{1}", id="set"),
    pytest.param("a\ud800b", "a\\ud800b", id="lone surrogate"),
    pytest.param(2**70, str(2**70), id="2**70"),
    pytest.param(-(2**70), str(-(2**70)), id="-2**70"),
    pytest.param(Unprintable(), "<unprintable Unprintable: repr raised RuntimeError>", id="unprintable"),
    pytest.param([1, "a", {2}], [1, "a", "{2}"], id="mixed types"),
    pytest.param({"k": {3}}, {"k": "{3}"}, id="map"),
    pytest.param({"k\ud800": 1}, {"k\\ud800": 1}, id="key of a map"),
]


@pytest.mark.parametrize(("odd", "shown"), ODD_VALUES)
def test_an_odd_body_is_shown_and_its_batch_arrives(odd, shown):
    request = only(encode_logs([log("a"), log(odd), log("b")], nothing))
    assert [plain(each.body) for each in logs_in(request)] == ["a", shown, "b"]


@pytest.mark.parametrize(("odd", "shown"), ODD_VALUES)
def test_an_odd_attribute_of_a_log_record_is_shown_beside_the_others(odd, shown, caplog):
    request = only(encode_logs([log(attributes={"a": 1, "odd": odd, "bytes": b"\xff"})], nothing))
    assert attributes_of(logs_in(request)[0]) == {"a": 1, "odd": shown, "bytes": b"\xff"}
    assert caplog.text == ""


@pytest.mark.parametrize(("odd", "shown"), ODD_VALUES)
def test_odd_attributes_of_a_span_its_events_and_links_are_shown(odd, shown, caplog):
    odd_one = {"odd": odd}
    request = only(
        encode_spans(
            [span(attributes=odd_one, events=[Event("e", odd_one, 1)], links=[Link(CONTEXT, odd_one)])],
            nothing,
        )
    )
    (arrived,) = spans_in(request)
    assert attributes_of(arrived) == attributes_of(arrived.events[0]) == {"odd": shown}
    assert attributes_of(arrived.links[0]) == {"odd": shown}
    assert caplog.text == ""


@pytest.mark.parametrize(("odd", "shown"), ODD_VALUES)
def test_an_odd_attribute_of_a_point_is_shown(odd, shown, caplog):
    exemplar = Exemplar({"odd": odd}, 1, 2, 3, 4)
    data = collection(total([number(1, {"odd": odd}, exemplars=[exemplar])]))
    (point,) = numbers_in(only(encode_metrics(data, nothing)))
    assert attributes_of(point) == {"odd": shown}
    assert {each.key: plain(each.value) for each in point.exemplars[0].filtered_attributes} == {"odd": shown}
    assert caplog.text == ""


def test_odd_names_texts_and_times_of_a_span_are_repaired():
    odd = span(
        "a\ud800",
        status=Status(StatusCode.ERROR, "b\ud800"),
        start_time=-5,
        end_time=2**64,
        events=[Event("c\ud800", {}, 3)],
    )
    arrived = spans_in(only(encode_spans([span("before"), odd], nothing)))
    assert [each.name for each in arrived] == ["before", "a\\ud800"]
    assert arrived[1].status.message == "b\\ud800"
    assert (arrived[1].start_time_unix_nano, arrived[1].end_time_unix_nano) == (0, 0)
    assert arrived[1].events[0].name == "c\\ud800"


def test_what_was_dropped_before_is_still_told_after_a_repair(caplog):
    kept = [BoundedAttributes(1, {"a": 1, "b": "\ud800"}) for _ in range(4)]
    odd = span(attributes=kept[0], events=[Event("e", kept[1], 3)], links=[Link(CONTEXT, kept[2])])
    (arrived,) = spans_in(only(encode_spans([odd], nothing)))
    (record,) = logs_in(only(encode_logs([log(attributes=kept[3])], nothing)))
    told = (arrived, arrived.events[0], arrived.links[0], record)
    assert [each.dropped_attributes_count for each in told] == [1, 1, 1, 1]
    assert [attributes_of(each) for each in told] == [{"b": "\\ud800"}] * 4


def test_odd_fields_of_a_log_record_are_repaired():
    odd = log(
        "said",
        severity_text="a\ud800",
        event_name=7,
        timestamp=-1,
        trace_id=2**200,
        span_id=None,
        trace_flags=None,
    )
    (arrived,) = logs_in(only(encode_logs([odd], nothing)))
    assert (arrived.severity_text, arrived.event_name, arrived.time_unix_nano) == ("a\\ud800", "7", 0)
    assert (arrived.trace_id, arrived.observed_time_unix_nano) == (b"", 2)


def test_an_odd_resource_and_scope_arrive_with_what_can_be_shown(caplog):
    resource = Resource({"service.name": "tested", "odd": 2**70}, "url\ud800")
    scope = InstrumentationScope("s\ud800", "1", "", {"odd": "\ud800"})
    batch = [span(resource=resource, instrumentation_scope=scope) for _ in range(3)]
    message = ExportTraceServiceRequest.FromString(only(encode_spans(batch, nothing)).body)
    (of_resource,) = message.resource_spans
    (of_scope,) = of_resource.scope_spans
    assert attributes_of(of_resource.resource) == {"service.name": "tested", "odd": str(2**70)}
    assert (of_resource.schema_url, of_scope.scope.name) == ("url\\ud800", "s\\ud800")
    assert len(of_scope.spans) == 3
    data = collection(total([number()]), resource=resource, scope=scope)
    assert numbers_in(only(encode_metrics(data, nothing)))
    assert logs_in(only(encode_logs([log(resource=resource)], nothing)))
    assert caplog.text == ""


def test_spans_without_a_scope_arrive():
    assert spans_in(only(encode_spans([span(instrumentation_scope=None)], nothing)))


def test_an_integer_sum_beyond_64_bits_becomes_a_double_and_the_other_points_stay():
    data = collection(total([number(1), number(2**63), number(-(2**63)), number(3)]))
    points = numbers_in(only(encode_metrics(data, nothing)))
    assert [point.as_int for point in points] == [1, 0, -(2**63), 3]
    assert points[1].as_double == 2.0**63


def test_an_odd_name_of_a_metric_is_repaired():
    data = collection(total([number()], "calls\ud800"), total([number()]))
    assert [each.name for each in metrics_in(only(encode_metrics(data, nothing)))] == [
        "calls\\ud800",
        "calls",
    ]


def test_numbers_that_are_none_arrive_where_otlp_has_them():
    data = collection(total([number(math.inf), number(math.nan)]))
    points = numbers_in(only(encode_metrics(data, nothing)))
    assert points[0].as_double == math.inf
    assert math.isnan(points[1].as_double)


@pytest.mark.parametrize("value", [2**5000, "five", None, Unprintable()])
def test_a_point_that_is_no_number_costs_itself_only(value):
    encoded = encode_metrics(collection(total([number(1), number(value), number(3)])), nothing)
    assert [point.as_int for point in numbers_in(encoded.requests[0])] == [1, 3]
    assert (encoded.requests[0].records, encoded.unencodable) == (2, 1)


class Faceless(dict):
    """Attributes that cannot be read."""

    def __bool__(self) -> bool:
        return True

    def items(self) -> Any:
        raise RuntimeError("no")


def test_attributes_that_cannot_be_read_are_told_and_their_record_arrives():
    (arrived,) = logs_in(only(encode_logs([log("said", attributes=Faceless())], nothing)))
    assert attributes_of(arrived) == {"unreadable": "Faceless: RuntimeError"}
    assert arrived.body.string_value == "said"


def test_a_histogram_with_an_odd_time_is_repaired():
    point = HistogramDataPoint({}, -1, 2, 3, 4.5, [1, 2], [1.0], 0.5, 3.0)
    data = collection(Metric("took", "", "s", Histogram([point], AggregationTemporality.DELTA)))
    (arrived,) = numbers_in(only(encode_metrics(data, nothing)))
    assert (arrived.start_time_unix_nano, arrived.count, arrived.sum) == (0, 3, 4.5)


class Broken:
    """Looks like a record and raises whenever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    ("encode", "sound", "inside"), [(encode_spans, span, spans_in), (encode_logs, log, logs_in)]
)
def test_a_record_that_raises_when_it_is_looked_at_costs_itself_only(encode, sound, inside):
    encoded = encode([sound() for _ in range(20)] + [Broken()] + [sound() for _ in range(20)], nothing)
    assert [len(inside(request)) for request in encoded.requests] == [40]
    assert encoded.unencodable == 1


def test_a_map_that_contains_itself_is_shown():
    endless: dict[str, Any] = {}
    endless["self"] = endless
    assert logs_in(only(encode_logs([log(endless)], nothing)))


def test_a_map_that_is_deeper_than_receivers_read_is_shown():
    deep: Any = "bottom"
    for _ in range(60):
        deep = {"k": deep}
    (arrived,) = logs_in(only(encode_logs([log(attributes={"deep": deep})], nothing)))
    told: Any = attributes_of(arrived)["deep"]
    levels = 0
    while isinstance(told, dict):
        told, levels = told["k"], levels + 1
    assert levels <= 16
    assert "bottom" in told


# -- against a naive twin ------------------------------------------------------------------

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.sets(st.integers()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
surrogates = st.text(st.characters(), max_size=5)  # with lone ones


def can_the_sdk(batch: list[ReadableLogRecord]) -> bool:
    from telemetry.exporters.sdk_logs import encode_logs as theirs

    try:
        theirs(batch).SerializeToString()
    except Exception:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(st.lists(values | surrogates, max_size=40), st.integers(200, 3_000))
def test_every_record_comes_out_once_in_its_order_whatever_the_others_are(bodies, max_bytes):
    batch = [log(body, severity_text=f"{place}") for place, body in enumerate(bodies)]
    encoded = encode_logs(batch, nothing, max_bytes=max_bytes)
    assert all(len(request.body) <= max_bytes for request in encoded.requests)
    assert all(len(request.body) > max_bytes and request.records == 1 for request in encoded.oversized)
    assert encoded.unencodable == 0  # a log record can always be shown
    arrived = [each for request in encoded.requests for each in logs_in(request)]
    apart = [each for request in encoded.oversized for each in logs_in(request)]
    places = [int(each.severity_text) for each in arrived]
    assert places == sorted(places)
    assert sorted([*places, *(int(each.severity_text) for each in apart)]) == list(range(len(bodies)))
    for each in (*arrived, *apart):
        record = batch[int(each.severity_text)]
        if can_the_sdk([record]):  # the naive twin: one record, one request
            twin = only(encode_logs([record], nothing))
            assert logs_in(twin)[0].SerializeToString(deterministic=True) == each.SerializeToString(
                deterministic=True
            )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers() | st.floats() | st.text(max_size=2) | st.none(), max_size=80),
    st.integers(150, 2_000),
)
def test_every_number_comes_out_once_and_what_is_none_is_counted(numbers, max_bytes):
    def fits(value: Any) -> bool:
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            return False
        return not isinstance(value, str)

    data = collection(total([number(value, {"place": place}) for place, value in enumerate(numbers)]))
    encoded = encode_metrics(data, nothing, max_bytes=max_bytes)
    arrived = [point for request in (*encoded.requests, *encoded.oversized) for point in numbers_in(request)]
    assert [attributes_of(point)["place"] for point in arrived] == [
        place for place, value in enumerate(numbers) if fits(value)
    ]
    assert encoded.unencodable == sum(not fits(value) for value in numbers)
    assert sum(request.records for request in encoded.requests) == len(arrived) - len(encoded.oversized)
