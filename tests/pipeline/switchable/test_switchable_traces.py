# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import inspect
import timeit

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.pipeline.switchable.traces import SwitchableTracerProvider


def sdk() -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def names(exporter: InMemorySpanExporter) -> list[str]:
    return [span.name for span in exporter.get_finished_spans()]


def test_a_tracer_follows_every_switch():
    provider = SwitchableTracerProvider()
    tracer = provider.get_tracer("library", "1")
    (first, first_spans), (second, second_spans) = sdk(), sdk()

    tracer.start_span("before").end()
    provider.switch(first)
    tracer.start_span("one").end()
    provider.switch(second)
    tracer.start_span("two").end()
    provider.switch(first)
    tracer.start_span("three").end()

    assert names(first_spans) == ["one", "three"]
    assert names(second_spans) == ["two"]


def test_the_real_tracer_is_obtained_once_for_each_provider():
    provider = SwitchableTracerProvider()
    provider.switch(sdk()[0])
    tracer = provider.get_tracer("library")

    assert tracer.current is tracer.current


def test_scope_and_arguments_arrive_unchanged():
    provider = SwitchableTracerProvider()
    real, spans = sdk()
    provider.switch(real)
    link = trace.Link(trace.SpanContext(1, 2, is_remote=True))
    tracer = provider.get_tracer("library", "1.2", "https://schema", {"a": 1})

    tracer.start_span(
        "named", kind=trace.SpanKind.CLIENT, attributes={"k": "v"}, links=[link], start_time=7
    ).end()

    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind, dict(span.attributes or {}), span.start_time) == (
        "named",
        trace.SpanKind.CLIENT,
        {"k": "v"},
        7,
    )
    assert span.links[0].context.span_id == 2
    scope = span.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version, scope.schema_url, dict(scope.attributes or {})) == (
        "library",
        "1.2",
        "https://schema",
        {"a": 1},
    )


def test_a_block_makes_its_span_current_and_records_what_it_raises():
    provider = SwitchableTracerProvider()
    real, spans = sdk()
    provider.switch(real)
    current = []

    def fail() -> None:
        with provider.get_tracer("library").start_as_current_span("block") as span:
            current.append(trace.get_current_span() is span)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()

    assert current == [True]
    (finished,) = spans.get_finished_spans()
    assert finished.status.status_code is trace.StatusCode.ERROR
    assert [event.name for event in finished.events] == ["exception"]


def test_end_on_exit_is_passed_on():
    provider = SwitchableTracerProvider()
    real, spans = sdk()
    provider.switch(real)

    with provider.get_tracer("library").start_as_current_span("open", end_on_exit=False):
        pass

    assert names(spans) == []


def test_a_function_decorated_before_any_set_up_is_traced_after_it():
    provider = SwitchableTracerProvider()
    tracer = provider.get_tracer("library")

    @tracer.start_as_current_span("call")
    def double(number: int) -> int:
        """Double."""
        return number * 2

    real, spans = sdk()
    provider.switch(real)

    assert [double(2), double(3)] == [4, 6]
    assert double.__doc__ == "Double."
    assert names(spans) == ["call", "call"]


def test_a_decorated_coroutine_functions_span_lasts_until_it_is_done():
    provider = SwitchableTracerProvider()
    real, spans = sdk()
    provider.switch(real)

    @provider.get_tracer("library").start_as_current_span("call")
    async def wait() -> bool:
        await asyncio.sleep(0)
        return trace.get_current_span().is_recording()

    assert inspect.iscoroutinefunction(wait)
    assert asyncio.run(wait())
    assert names(spans) == ["call"]


def test_what_the_api_does_not_know_is_asked_of_the_real_provider():
    provider = SwitchableTracerProvider()
    real, _ = sdk()
    provider.switch(real)
    added = InMemorySpanExporter()

    provider.add_span_processor(SimpleSpanProcessor(added))
    provider.get_tracer("library").start_span("seen").end()

    assert provider.resource is real.resource
    assert provider.force_flush()
    assert names(added) == ["seen"]


@pytest.mark.parametrize("name", ["_private", "force_flush"])
def test_what_nobody_has_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=name):
        getattr(SwitchableTracerProvider(), name)


def test_delegation_is_small_beside_starting_a_span():
    provider = SwitchableTracerProvider()
    real, _ = sdk()
    provider.switch(real)
    ours, theirs = provider.get_tracer("t"), real.get_tracer("t")

    def cost(tracer: trace.Tracer) -> float:
        return min(timeit.repeat(lambda: tracer.start_span("s"), number=200, repeat=15)) / 200

    # Generous: the benchmark measures, this only sees a delegation that became a detour.
    assert cost(ours) < 1.5 * cost(theirs) + 2e-6
