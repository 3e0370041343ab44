# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect

from opentelemetry.trace import INVALID_SPAN_CONTEXT, Span, Status, StatusCode

import telemetry
from telemetry.tracing.null import NULL_SPAN


def test_it_has_every_method_of_a_span():
    methods = {name for name, _ in inspect.getmembers(Span, inspect.isfunction) if not name.startswith("__")}

    assert {name for name in methods if not hasattr(NULL_SPAN, name)} == set()


def test_it_takes_everything_and_keeps_nothing():
    with NULL_SPAN as span:
        span.set_attribute("a", 1)
        span.set_attributes({"a": 1})
        span.add_event("e", {}, 1)
        span.update_name("n")
        span.set_status(Status(StatusCode.ERROR))
        span.record_exception(ValueError())
        span.end()

    assert not span.is_recording()
    assert span.get_span_context() is INVALID_SPAN_CONTEXT


def test_a_block_gets_it_while_nothing_is_active():
    with telemetry.observe("tool") as span:
        assert span is NULL_SPAN
