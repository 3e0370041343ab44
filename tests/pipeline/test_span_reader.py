# SPDX-License-Identifier: Apache-2.0
"""GenAI spans of an application's own provider (`inherit`) are read by the pipeline that is running."""

from __future__ import annotations

import os

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import NoOpTracerProvider

import telemetry
from telemetry.pipeline.handle import HANDLE
from telemetry.pipeline.span_reader import LateReader, SpanRelay

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}


@pytest.fixture
def application(monkeypatch) -> TracerProvider:
    """An application that has set a tracer provider of its own."""
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(HANDLE, "_span_relay", None)
    return provider


def fail(provider: TracerProvider) -> None:
    with (
        pytest.raises(TimeoutError),
        provider.get_tracer("somebody").start_as_current_span("call", attributes=CHAT),
    ):
        raise TimeoutError("slow")


def errors(pipeline: telemetry.Telemetry) -> float:
    return sum(value for _, value in pipeline.snapshot().get("kairos.errors.total", []))


def relays(provider: TracerProvider) -> list[SpanRelay]:
    processors = provider._active_span_processor._span_processors
    return [processor for processor in processors if isinstance(processor, SpanRelay)]


def test_an_applications_genai_spans_are_read(application):
    with telemetry.init("tests", exporter="inherit") as pipeline:
        fail(application)

        assert errors(pipeline) == 1


def test_each_provider_gets_one_relay_for_all_pipelines(application):
    with telemetry.init("tests", exporter="inherit"):
        fail(application)
    fail(application)  # nobody reads
    with telemetry.init("tests", exporter="inherit") as pipeline:
        fail(application)

        assert errors(pipeline) == 1
    assert len(relays(application)) == 1


def test_a_provider_that_takes_no_processors_is_left_alone(application, monkeypatch):
    monkeypatch.setattr(trace, "get_tracer_provider", NoOpTracerProvider)
    with telemetry.init("tests", exporter="inherit") as pipeline:
        telemetry.record_error(TimeoutError())

        assert errors(pipeline) == 1


def test_genai_false_adds_nothing_to_the_applications_provider(application):
    with telemetry.init("tests", exporter="inherit", genai=False):
        fail(application)

    assert relays(application) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_reads_with_a_reader_of_its_own(application):
    with telemetry.init("tests", exporter="inherit") as pipeline:
        before = relays(application)[0].reader
        pipeline.restart_in_child()

        assert relays(application)[0].reader is not before


def test_plain_spans_of_our_own_do_not_load_what_reads_others(kairos):
    with telemetry.observe(name="plain"):
        pass
    assert kairos.telemetry.providers._spans.reader._reader is None
    with telemetry.execute_tool("search"):
        pass
    assert kairos.telemetry.providers._spans.reader._reader is not None


def test_a_reader_that_cannot_be_made_costs_nobody_anything(caplog):
    def make():
        raise ImportError("broken")

    reader = LateReader(make)
    for _ in range(2):
        reader.on_start(ReadableSpan("theirs"))
        reader.on_end(ReadableSpan("theirs"))
    (record,) = caplog.records
    assert "the reader could not be made" in record.message
