# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from telemetry import observe


class Seen(SpanProcessor):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_start(self, span, parent_context=None) -> None:
        self.calls.append("start")
        span.set_attribute("added", True)

    def on_end(self, span) -> None:
        self.calls.append("end")

    def force_flush(self, timeout_millis=30_000) -> bool:
        self.calls.append("flush")
        return False


def test_a_processor_of_the_applications_is_told_of_every_span(kairos):
    seen = Seen()
    provider = kairos.telemetry.providers.tracer_provider
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(seen)
    with observe(name="work"):
        pass

    assert seen.calls == ["start", "end"]
    kairos.assert_span("work", attributes={"added": True})


def test_a_flush_includes_the_processors_of_the_application(kairos):
    seen = Seen()
    provider = kairos.telemetry.providers.tracer_provider
    provider.add_span_processor(seen)

    assert not provider.force_flush(5000)
    assert seen.calls == ["flush"]
